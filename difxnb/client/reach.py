# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a real guiServer gets through to us with connections of its own.

In channels a real guiServer 2.9 locks mutexes that it never made whenever a listing or a transfer ends, and dies of it
now and then: 27 times in 960 operations, measured, against 3 times in 5,760 where it connected back. So it is asked to
connect back where it can; channels remain for servers behind tunnels, translators of addresses and firewalls
(guiserver.md 6.2.4).
"""

from __future__ import annotations

import asyncio

from difxnb.client.remote_listing import look
from difxnb.client.session import Session
from difxnb.errors import DifxError

# A real server cannot convert addresses of this length and uses another client's instead (guiserver.md H4).
HARMFUL_ADDRESS_LENGTH = 15


def is_convertible(session: Session) -> bool:
    """Whether the server can be told our address."""
    return session.description.is_own or len(session.local_address) < HARMFUL_ADDRESS_LENGTH


async def dials_back(session: Session) -> bool:
    """Try whether a real server connects back to us; leaves the session in the mode that works.

    Raises
    ------
    ConnectionLost
        The main connection broke meanwhile.
    """
    if not session.description.shows_everything or not is_convertible(session):
        return False
    session.dial_back = True
    try:
        async with asyncio.timeout(session.patience.dial_back):
            await look(session, "/")
    except (TimeoutError, DifxError, OSError) as error:
        if session.lost is not None:
            raise session.loss() from error
        session.dial_back = False
    return session.dial_back
