# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of Earth orientation, made up in the forms in which they are published, around the leap second of 2016."""

from __future__ import annotations

from datetime import timedelta

from difxnb.formats.mjd import MJD_ZERO

# The second was put in before 57754 (2017-01-01): UT1-UTC jumps by 1 s there.
LEAP_MJD = 57754


def ut1_tai(mjd: float) -> float:
    """A smooth UT1-TAI: 1.1 ms a day, with a wave of 14 days."""
    import math

    return -36.4080 - 1.1e-3 * (mjd - LEAP_MJD) + 0.6e-3 * math.sin(2 * math.pi * (mjd - LEAP_MJD) / 13.66)


def tai_utc(mjd: float) -> int:
    return 37 if mjd >= LEAP_MJD else 36


def ut1_utc(mjd: float) -> float:
    return ut1_tai(mjd) + tai_utc(mjd)


def pole(mjd: float) -> tuple[float, float]:
    return 0.08 - 0.0013 * (mjd - LEAP_MJD), 0.27 + 0.0008 * (mjd - LEAP_MJD)


def finals(first: int, last: int, *, final_to: int, rapid_to: int) -> str:
    """finals2000A, by the columns of its readme."""
    lines = []
    for mjd in range(first, last + 1):
        date = MJD_ZERO + timedelta(mjd)
        x, y = pole(mjd)
        flag = "I" if mjd <= rapid_to else "P"
        # Bulletin A is a little off Bulletin B, so that it shows which one was taken.
        line = f"{date.year % 100:2d}{date.month:2d}{date.day:2d} {mjd:8.2f} {flag} {x + 1e-4:9.6f} 0.000030"
        line += f" {y + 1e-4:9.6f} 0.000030  {flag}{ut1_utc(mjd) + 1e-5:10.7f} 0.0000100"
        line = f"{line:134}"
        if mjd <= final_to:
            line += f"{x:10.6f}{y:10.6f}{ut1_utc(mjd):11.7f}     0.100    -0.200"
        lines.append(f"{line:187}")
    lines.append(f"{'17 2 9 ' + f'{last + 1:8.2f}':187}")
    return "\n".join(lines) + "\n"


def c04(first: int, last: int, *, hours: bool) -> str:
    """C04: the series of 2020 with an hour, the older ones without."""
    lines = (
        ["# EOP 20 C04, made up"] if hours else ["      Date      MJD      x          y        UT1-UTC", ""]
    )
    for mjd in range(first, last + 1):
        date = MJD_ZERO + timedelta(mjd)
        x, y = pole(mjd)
        values = f"{x:12.6f}{y:12.6f}{ut1_utc(mjd):12.7f}    0.000012   -0.000023   0.0011"
        if hours:
            lines.append(f"{date.year:4d}{date.month:4d}{date.day:4d}   0{mjd:10.2f}{values}")
        else:
            lines.append(f"{date.year:4d}{date.month:4d}{date.day:4d}{mjd:7d}{values}")
    return "\n".join(lines) + "\n"


def semicolons(first: int, last: int, *, final_to: int) -> str:
    lines = ["MJD;Year;Month;Day;Type;x_pole;sigma_x_pole;y_pole;sigma_y_pole;Type;UT1-UTC;sigma_UT1-UTC;LOD"]
    for mjd in range(first, last + 1):
        date = MJD_ZERO + timedelta(mjd)
        x, y = pole(mjd)
        kind = "final" if mjd <= final_to else "prediction"
        lines.append(
            f"{mjd};{date.year};{date.month};{date.day};{kind};{x:.6f};0.1;{y:.6f};0.1;{kind};{ut1_utc(mjd):.7f};0.1;"
        )
    return "\n".join(lines) + "\n"


def erp(first: int, last: int, *, last_real: int | None = None) -> str:
    """EOP-MOD, as of `usno_finals.erp`."""
    lines = [
        f"EOP-MOD Ver 2.0  {first + 2400000.5:9.1f}   1.0  {last - first + 1:5d}  UT1-TAI   UNDEF",
        "# made up",
    ]
    if last_real is not None:
        lines.append(f"# Last date with real data:  {MJD_ZERO + timedelta(last_real):%Y.%m.%d}")
    for mjd in range(first, last + 1):
        x, y = pole(mjd)
        lines.append(
            f"{mjd + 2400000.5:9.1f} {10 * x:7.4f} {10 * y:7.4f} {1e6 * ut1_tai(mjd):9.0f} 0.0008 0.0008     11."
            "  .000  .000  .000"
        )
    return "\n".join(lines) + "\n"


def v2d(first: int, last: int) -> str:
    blocks = [
        f"EOP {mjd} {{ xPole={pole(mjd)[0]:.6f} yPole={pole(mjd)[1]:.6f} tai_utc={tai_utc(mjd)} "
        f"ut1_utc={ut1_utc(mjd):.7f} }}"
        for mjd in range(first, last + 1)
    ]
    return "# made up\nvex = made.vex\n" + "\n".join(blocks) + "\n"
