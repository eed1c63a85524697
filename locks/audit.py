"""
What is known against the packages that are served: holes, by pip-audit, and licences that would ask something of users.

    python locks/audit.py LOCK PYTHON        # PYTHON is of an environment that the lock was installed into

Exit codes: 0 nothing is, 5 something is, 3 nobody could be asked about holes. Holes that do not reach us stand in
SECURITY.md, each with why.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

SECURITY = Path(__file__).parents[1] / "SECURITY.md"
HOLE = re.compile(r"^\| `?((?:GHSA|CVE|PYSEC)-[\w-]+)`? ", re.MULTILINE)
OF_USERS_NOTHING = re.compile(
    r"\b(MIT|BSD|Apache|ISC|PSF|Python Software Foundation|Python-2\.0|MPL|Mozilla|Unlicense|0BSD|HPND|CNRI|Zlib|CC0)",
    re.IGNORECASE,
)
ASKS_SOMETHING = re.compile(r"\b[AL]?GPL|SSPL|BUSL|Commons Clause|NC\b", re.IGNORECASE)
LICENCES = """
import importlib.metadata as m, json
def licence(of):
    told = of.get("License-Expression") or ""
    classes = [c.rpartition(" :: ")[2] for c in of.get_all("Classifier") or [] if c.startswith("License ::")]
    first = ((of.get("License") or "").strip().splitlines() or [""])[0]
    return told or ", ".join(classes) or first[:60]
print(json.dumps(sorted([d.metadata["Name"], d.version, licence(d.metadata)] for d in m.distributions())))
"""
OURS = {"shikyu", "pip", "setuptools"}


def main(lock: str, python: str) -> int:
    odd = licences(python)
    found = holes(lock)
    if odd:
        print(f"look at these licences before you ship: {', '.join(odd)}", file=sys.stderr)
    if odd or found:
        return 5
    return 3 if found is None else 0


def licences(python: str) -> list[str]:
    """Printed as a table; returned are the packages whose licence is not known to ask nothing."""
    told = subprocess.run([python, "-c", LICENCES], capture_output=True, text=True, check=True).stdout
    rows = [row for row in json.loads(told) if row[0].lower() not in OURS]
    for name, version, licence in rows:
        print(f"{name:28} {version:14} {licence}")
    return [
        name for name, _, licence in rows if not all(map(_asks_users_nothing, re.split(r"(?i)\band\b|[,;/]", licence)))
    ]


def _asks_users_nothing(part: str) -> bool:
    """One choice of a part is enough; every part counts."""
    choices = re.split(r"(?i)\bor\b", part)
    return any(OF_USERS_NOTHING.search(choice) and not ASKS_SOMETHING.search(choice) for choice in choices)


def holes(lock: str) -> int | None:
    """How many are known, and not listed in SECURITY.md; None where nobody could be asked."""
    listed = HOLE.findall(SECURITY.read_text("utf-8"))
    ignored = [option for name in listed for option in ("--ignore-vuln", name)]
    asked = [sys.executable, "-m", "pip_audit", "-r", lock, "--disable-pip", "--require-hashes", *ignored]
    done = subprocess.run(
        [*asked, "-f", "json", "--progress-spinner", "off"], capture_output=True, text=True, check=False
    )
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        words = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        print(f"pip-audit could not say which holes are known: {words}", file=sys.stderr)
        return None
    unasked = [each["name"] for each in packages if "skip_reason" in each]
    if unasked:
        some = ", ".join(unasked[:3])
        print(
            f"the database of known holes told nothing of {len(unasked)} of {len(packages)} packages ({some}, …): is "
            "pypi.org reached, or a mirror without its JSON API?",
            file=sys.stderr,
        )
        return None
    known = [(each["name"], each["version"], hole) for each in packages for hole in each["vulns"]]
    for name, version, hole in known:
        print(f"{name} {version}: {hole['id']}, mended in {', '.join(hole['fix_versions']) or 'no version yet'}")
    print(f"{len(packages)} packages, {len(known)} known holes, {len(listed)} listed in SECURITY.md")
    return len(known)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
