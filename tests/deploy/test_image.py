"""What can be said of the Dockerfile without building it; `make image-check` builds and runs every target."""

import fnmatch
import re

import pytest
import yaml

from tests.service.process import ROOT

LINES = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text(encoding="utf-8")).splitlines()
STAGES = dict(re.findall(r"^FROM (\S+) AS (\S+)$", "\n".join(LINES), re.MULTILINE))
TARGETS = ("serve", "with-artifact", "gpu", "train", "ticketing")
FURTHER = ("extras", "openvino")  # locks, by `--build-arg LOCK=`


def of_stage(name: str) -> list[str]:
    """Its instructions, behind those of the stages that it begins with."""
    start = next(n for n, line in enumerate(LINES) if re.fullmatch(rf"FROM \S+ AS {name}", line))
    end = next((n for n in range(start + 1, len(LINES)) if LINES[n].startswith("FROM ")), len(LINES))
    before = LINES[start].split()[1]
    known = any(line.endswith(f" AS {before}") for line in LINES if line.startswith("FROM "))
    return [*(of_stage(before) if known else []), *LINES[start + 1 : end]]


def last(name: str, instruction: str) -> str:
    return [line for line in of_stage(name) if line.startswith(f"{instruction} ")][-1]


def test_no_image_has_the_tools_that_built_it():
    """Each begins with the bare base, and takes an environment over."""
    for target in TARGETS:
        assert not [line for line in of_stage(target) if line.startswith("RUN ")], target
        assert any(line.startswith("COPY --from=build-") for line in of_stage(target))


def test_each_runs_as_nobody_and_starts_no_shell():
    """A number for Kubernetes; every command is a list."""
    for target in TARGETS:
        assert re.fullmatch(r"USER [1-9]\d*:[1-9]\d*", last(target, "USER"))
        assert last(target, "ENTRYPOINT").startswith('ENTRYPOINT ["')
        assert last(target, "CMD").startswith('CMD ["')
        assert any("shikyu.sbom=" in line for line in of_stage(target))
    for target in ("serve", "with-artifact", "gpu"):
        assert "/livez" in last(target, "HEALTHCHECK")
        assert 'CMD ["python"' in last(target, "HEALTHCHECK")


def test_what_is_installed_stands_in_a_lock_with_hashes():
    """Nothing is resolved while an image is built."""
    for line in LINES:
        for command in re.findall(r"pip\b[^&]*\binstall\b[^&]*", line):
            assert "--require-hashes -r locks/" in command or "--no-deps --no-index /dist" in command, command
    for lock in re.findall(r"locks/[\w-]+\.txt", "\n".join(LINES)):
        assert "--hash=sha256:" in (ROOT / lock).read_text()
    for lock in ("serve", *FURTHER):
        assert "torch==" not in (ROOT / "locks" / f"{lock}.txt").read_text()


@pytest.mark.parametrize("further", FURTHER)
def test_a_lock_with_extras_serves_with_the_same_packages(further):
    """`--build-arg LOCK=` adds some, and changes none."""
    serve, more = (
        set(re.findall(r"^[\w-]+==\S+", (ROOT / "locks" / f"{lock}.txt").read_text(), re.MULTILINE))
        for lock in ("serve", further)
    )

    assert serve < more
    assert any(f"locks/{further}.txt" in line for line in of_stage("build-serve") if line.startswith("COPY "))
    assert "ARG LOCK=serve" in of_stage("build-serve")


def test_what_is_copied_is_there_and_reaches_the_builder():
    """.dockerignore lets nothing through but that."""
    lets_in = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for line in LINES:
        if line.startswith("COPY ") and "--from=" not in line:
            for source in line.split()[1:-1]:
                if "$" not in source:
                    assert (ROOT / source).exists(), source
                    top = source if source.startswith("locks/") else source.split("/")[0]
                    assert any(fnmatch.fnmatch(top, each) for each in lets_in), source


def test_compose_builds_what_there_is():
    """Each of its own images from a target."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    built = {each["build"]["target"] for each in services.values() if "build" in each}

    assert built == {"serve", "ticketing"} <= set(TARGETS)
    for each in services.values():
        for name, lock in each.get("build", {}).get("args", {}).items():
            assert name == "LOCK"
            assert (ROOT / "locks" / f"{lock}.txt").exists()
