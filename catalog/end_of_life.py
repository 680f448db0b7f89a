"""When distributions' releases stop, or stopped, getting security updates that everybody gets.

A table of ours, gathered by hand from what the distributions publish: Debian's and Ubuntu's `distro-info-data`, the life-cycle
pages of Alpine, Amazon, AlmaLinux, CentOS, Fedora, Microsoft, Oracle, Red Hat, Rocky, SUSE and VMware. A date is the last day:
of Debian's LTS, of Ubuntu's standard support, of Red Hat's maintenance support, of SUSE's general support. What only some
customers get (ELTS, ESM, ELS, LTSS) does not count. A release that is not in the table, and a rolling one, has no known date.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

AS_OF = date(2026, 7, 31)
"""Up to when the table follows what was announced."""


@dataclass(frozen=True, slots=True)
class _Family:
    """How many parts of a version name a release, and each release's last day."""

    parts: int
    last_days: dict[str, date]


def _family(parts: int, table: str) -> _Family:
    words = table.split()
    return _Family(parts, dict(zip(words[::2], map(date.fromisoformat, words[1::2]), strict=True)))


def end_of_life(distribution: str, version: str, name: str = "") -> date | None:
    """The last day on which a release gets security updates.

    Args:
        distribution: os-release ID, as in `catalog.distributions.Distribution`.
        version: its version there.
        name: its name there; it alone tells CentOS Stream from CentOS Linux.

    Returns:
        The day; None where it is not known.
    """
    if distribution == "centos" and "stream" in name.lower():
        distribution = "centos-stream"
    family = _FAMILIES.get(distribution)
    if family is None:
        return None
    return family.last_days.get(".".join(version.split(".")[: family.parts]))


_ENTERPRISE_SUSE = _family(
    2,
    """
    10 2007-12-31  10.1 2008-11-30  10.2 2010-04-11  10.3 2011-10-11  10.4 2013-07-31
    11 2010-12-31  11.1 2012-08-31  11.2 2014-01-31  11.3 2016-01-31  11.4 2019-03-31
    12 2016-06-30  12.1 2017-05-31  12.2 2018-03-31  12.3 2019-06-30  12.4 2020-06-30  12.5 2024-10-31
    15 2019-12-31  15.1 2021-01-31  15.2 2021-12-31  15.3 2022-12-31  15.4 2023-12-31  15.5 2024-12-31
    15.6 2025-12-31  15.7 2031-07-31
    """,
)
_LEAP = _family(
    2,
    """
    42.1 2017-05-17  42.2 2018-01-26  42.3 2019-07-01  15.0 2019-12-03  15.1 2021-02-02  15.2 2022-01-04
    15.3 2022-12-31  15.4 2023-12-07  15.5 2024-12-31  15.6 2026-04-30  16.0 2027-10-31
    """,
)
_AZURE = _family(2, "1.0 2023-08-31  2.0 2025-07-31  3.0 2027-08-31")

_FAMILIES = {
    "almalinux": _family(1, "8 2029-03-01  9 2032-05-31  10 2035-05-31"),
    "alpine": _family(
        2,
        """
        2.1 2012-11-01  2.2 2013-05-01  2.3 2013-11-01  2.4 2014-05-01  2.5 2014-11-01  2.6 2015-05-01  2.7 2015-11-01
        3.0 2016-05-01  3.1 2016-11-01  3.2 2017-05-01  3.3 2017-11-01  3.4 2018-05-01  3.5 2018-11-01  3.6 2019-05-01
        3.7 2019-11-01  3.8 2020-05-01  3.9 2020-11-01  3.10 2021-05-01  3.11 2021-11-01  3.12 2022-05-01
        3.13 2022-11-01  3.14 2023-05-01  3.15 2023-11-01  3.16 2024-05-23  3.17 2024-11-22  3.18 2025-05-09
        3.19 2025-11-01  3.20 2026-04-01  3.21 2026-11-01  3.22 2027-05-01  3.23 2027-11-01
        """,
    ),
    "amzn": _family(
        2,
        """
        2011.09 2023-12-31  2012.03 2023-12-31  2012.09 2023-12-31  2013.03 2023-12-31  2013.09 2023-12-31
        2014.03 2023-12-31  2014.09 2023-12-31  2015.03 2023-12-31  2015.09 2023-12-31  2016.03 2023-12-31
        2016.09 2023-12-31  2017.03 2023-12-31  2017.09 2023-12-31  2018.03 2023-12-31  2 2026-06-30  2023 2029-06-30
        """,
    ),
    "azurelinux": _AZURE,
    "centos": _family(1, "4 2012-02-29  5 2017-03-31  6 2020-11-30  7 2024-06-30  8 2021-12-31"),
    "centos-stream": _family(1, "8 2024-05-31  9 2027-05-31"),
    "debian": _family(
        1,
        """
        4 2010-02-15  5 2012-02-06  6 2016-02-29  7 2018-05-31  8 2020-06-30  9 2022-06-30  10 2024-06-30
        11 2026-08-31  12 2028-06-30  13 2030-06-30
        """,
    ),
    "fedora": _family(
        1,
        """
        17 2013-07-30  18 2014-01-14  19 2015-01-06  20 2015-06-23  21 2015-12-01  22 2016-07-19  23 2016-12-20
        24 2017-08-08  25 2017-12-12  26 2018-05-29  27 2018-11-30  28 2019-05-28  29 2019-11-26  30 2020-05-26
        31 2020-11-24  32 2021-05-25  33 2021-11-30  34 2022-06-07  35 2022-12-13  36 2023-05-16  37 2023-12-05
        38 2024-05-21  39 2024-11-26  40 2025-05-13  41 2025-12-15  42 2026-05-13  43 2026-12-09
        """,
    ),
    "mariner": _AZURE,
    "ol": _family(1, "5 2017-06-30  6 2021-03-31  7 2024-12-31  8 2029-07-31  9 2032-06-30  10 2035-06-30"),
    "opensuse": _family(
        2,
        """
        11.0 2010-07-26  11.1 2011-01-14  11.2 2011-05-12  11.3 2012-01-20  11.4 2012-11-05  12.1 2013-05-15
        12.2 2014-01-15  12.3 2015-01-29  13.1 2016-02-03  13.2 2017-01-17
        """,
    ),
    "opensuse-leap": _LEAP,
    "photon": _family(2, "1.0 2022-02-28  2.0 2022-12-31  3.0 2024-06-30"),
    "rhel": _family(
        1, "4 2012-02-29  5 2017-03-31  6 2020-11-30  7 2024-06-30  8 2029-05-31  9 2032-05-31  10 2035-05-31"
    ),
    "rocky": _family(1, "8 2029-05-31  9 2032-05-31  10 2035-05-31"),
    "sled": _ENTERPRISE_SUSE,
    "sles": _ENTERPRISE_SUSE,
    "sles_sap": _ENTERPRISE_SUSE,
    "ubuntu": _family(
        2,
        """
        8.04 2013-05-09  10.04 2015-04-30  12.04 2017-04-28  12.10 2014-05-16  13.04 2014-01-27  13.10 2014-07-17
        14.04 2019-04-25  14.10 2015-07-23  15.04 2016-02-04  15.10 2016-07-28  16.04 2021-04-30  16.10 2017-07-20
        17.04 2018-01-13  17.10 2018-07-19  18.04 2023-05-31  18.10 2019-07-18  19.04 2020-01-23  19.10 2020-07-17
        20.04 2025-05-29  20.10 2021-07-22  21.04 2022-01-20  21.10 2022-07-14  22.04 2027-06-01  22.10 2023-07-20
        23.04 2024-01-25  23.10 2024-07-11  24.04 2029-05-31  24.10 2025-07-10  25.04 2026-01-15  25.10 2026-07-09
        26.04 2031-05-29
        """,
    ),
}
