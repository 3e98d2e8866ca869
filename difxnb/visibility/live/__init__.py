# SPDX-License-Identifier: GPL-3.0-or-later
"""Live visibilities: what the monitor offers, what is chosen of it, and the Dataset that grows of its blocks.

`offer` lists what there is (`products`, matched to the ``.input`` by `matching`), `choosing` picks from it by names,
`series` takes the blocks and keeps them in a `cube`, on the times that `clock` finds for them.
"""
