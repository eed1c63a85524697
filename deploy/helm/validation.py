"""Rendered objects held against Kubernetes' own schemas."""

from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import yaml

# The oldest that the chart takes, one between, and the newest that has schemas.
VERSIONS = ("1.27", "1.34", "1.37")
# Of operators: no schema of Kubernetes' knows them, tests look at their shape.
OF_OPERATORS = ("monitoring.coreos.com/v1", "keda.sh/v1alpha1")


def objects(rendered: str) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(rendered) if each]


def problems(rendered: str) -> Iterator[str]:
    """One line for each object and version of Kubernetes that do not go together."""
    for each in objects(rendered):
        if each["apiVersion"] in OF_OPERATORS:
            continue
        for version in VERSIONS:
            try:
                kubernetes_validate.validate(each, version, strict=True)
            except kubernetes_validate.ValidationError as problem:
                where = ".".join(map(str, problem.path))
                yield f"{each['kind']}/{each['metadata']['name']} in {version}: {where}: {problem.message}"
