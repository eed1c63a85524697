"""
`python -m deploy.helm HELM`: the chart by Helm itself, and its rendering into rendered.yaml.

Exit codes: 0, or 5 when something was found.
"""

import sys
from pathlib import Path

from deploy.helm import rendering, validation
from deploy.helm.sources import RENDERED


def main(helm: Path) -> int:
    """Prints what was found."""
    found = [words] if (words := rendering.lint(helm)) else []
    found += rendering.let_pass(helm) + rendering.refused_needlessly(helm)
    found += rendering.kept_running(helm) + rendering.shut_out(helm) + rendering.of_the_page(helm)
    if found:
        print("\n".join(found), file=sys.stderr)
        return 5
    text = rendering.everything(helm)
    found += validation.problems(text)
    found += validation.problems(rendering.template(helm, *rendering.LEAST))
    if text != RENDERED.read_text(encoding="utf-8") if RENDERED.exists() else True:
        RENDERED.write_text(text, encoding="utf-8")
        print(f"{RENDERED.name} was written anew: commit it")
    kinds = [each["kind"] for each in validation.objects(text)]
    print(f"{len(kinds)} objects ({', '.join(sorted(set(kinds)))}), {len(rendering.REFUSED)} refusals")
    print("\n".join(found) or f"nothing to say against them in Kubernetes {', '.join(validation.VERSIONS)}")
    return 5 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
