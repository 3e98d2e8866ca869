# SPDX-License-Identifier: GPL-3.0-or-later
"""Trouble while a job runs: cores and manager that cannot keep up, ends before the time, errors inside mpifxcorr."""

from __future__ import annotations

from difxnb.tables.cause_rules.rule import rule

RUNNING = (
    rule("core too slow", "tale data was received", r"Stale data was received from core (?P<name>\d+)",
         "core {name} is too slow: its results come too late and are lost"),
    rule("visibilities late", "too recent", r"Data was received which is too recent",
         "results come faster than they are written: cores are unequal, or one hangs"),
    rule("invalid results", "nvalid data was received from core",
         r"Invalid data was received from core (?P<name>\d+)",
         "core {name} sends results that are not valid"),
    rule("too many subintegrations", "ended up with", r"Visibility (?P<vis>\d+) ended up with",
         "an integration got more data than belongs to it"),
    rule("not written out", "will not write out", r"Visibility will not write out time",
         "an integration after the last scan is not written"),
    rule("interrupted", "caught a signal", r"caught a signal and is going to shut down",
         "the job was interrupted and ends early"),
    rule("hang", "hang-up", r"Watchdog caught a hang-up executing: (?P<name>.+?) Aborting",
         "a recorder hangs in {name}: the job gives up"),
    rule("slow recorder", "seconds executing", r"Waiting (?P<time>\S+) seconds executing: (?P<name>.*)",
         "a recorder is slow: {name} takes {time} s"),
    rule("manager gives up", "Manager aborting", r"Manager aborting correlation", "the job gives up"),
    rule("shift too long", "UV shift", r"UV shift integration time far too long",
         "a phase centre is too far off for the integration time"),
    rule("delay too large", "FFT window", r"FFT window is not wide enough",
         "a phase centre is too far off for the number of channels"),
    rule("arithmetic", "rror ",
         r"(?:Error|error|Problem) (?:doing|trying to|in|copying|assembling|taking|calculating|getting|converting|"
         r"setting|launching|closing|creating|initialising|waiting)\b",
         "an error inside mpifxcorr"),
    rule("locks", "lock", r"(?i)error.{0,80}(?:un)?lock", "an error inside mpifxcorr", "arithmetic"),
    rule("developer", "eveloper error", r"(?i)developer error", "an error inside mpifxcorr", "arithmetic"),
    rule("wake-up", "to wake up", r"(?:error trying to|cannot) signal", "an error inside mpifxcorr", "arithmetic"),
    rule("readers", "annot create the", r"Cannot create the .*(?:thread|mutexes)", "an error inside mpifxcorr",
         "arithmetic"),
    rule("aborting", "bort", r"(?i)\baborting\b|must abort", "the job gives up, for the reason that it tells"),
)  # fmt: skip
