# SPDX-License-Identifier: GPL-3.0-or-later
"""Trouble with hosts: memory, and the connections of the correlator beside its data."""

from __future__ import annotations

from difxnb.tables.cause_rules.rule import progress, rule

HOSTS = (
    rule("swapping", "swap memory in use", r"(?P<used>\d+) kB of operating system swap",
         "{host} runs out of memory and swaps ({used} kB)"),
    progress("not swapping", "swap no longer", r"swap no longer in use", "{host} has stopped swapping"),
    rule("out of memory", "llocate",
         r"(?i)(?:cannot|could not) allocate (?:databuffer|thread cross|pulsar scratch|temporary)|"
         r"failure to allocate memory",
         "{host} has not enough memory"),
    rule("monitor not connected", "onitor",
         r"Monitor (?:connection seems|socket)|Connection to monitor(?! server succeeded)|"
         r"connection with monitor_server failed|"
         r"monitor_server (?:had trouble|returned)|socket connection to monitor_server|data from monitor_server",
         "the live monitor is not connected; the job goes on without it"),
    rule("monitor busy", "already monitoring", r"already monitoring data products",
         "a live monitor is running already"),
    rule("monitor timed out", "has timed out after", r"monitor thread has timed out",
         "the live monitor has ended because nothing came"),
    rule("network of the monitor", "will try to reconnect", r"Error writing to network",
         "the live monitor is not connected; the job goes on without it", "monitor not connected"),
    rule("name not found", "look up", r"Failed to look up (?:monhostname|hostname) (?P<node>\S+)",
         "host {node} is not known"),
    rule("commands not heard", "command monitoring", r"(?:open command monitoring socket|command monitoring thread)",
         "the job cannot hear commands"),
    rule("connection back", "socket connection from guiServer", r"client socket connection from guiServer",
         "guiServer cannot connect back to its client"),
    rule("transfer failed", "transfer FAILED", r"Client address: (?P<node>\S+) .*transfer FAILED",
         "a file could not be transferred to or from {node}"),
    rule("parameter not honoured", "parameter instruction", r"parameter instruction regarding (?P<name>\S+) which",
         "the job does not know the parameter {name}"),
    rule("slow mathematics", "high performance math", r"not linked against a high performance math",
         "{host} computes slowly: mpifxcorr was built without a fast library"),
    rule("large packets", "DIFX_MTU", r"DIFX_MTU was set to", "DIFX_MTU is larger than can be used"),
    progress("mk5daemon started", "mk5daemon starting", r"mk5daemon starting", "mk5daemon has started on {host}"),
)  # fmt: skip
