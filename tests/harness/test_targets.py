from __future__ import annotations

from benchmarks.cases import families
from benchmarks.gateways import GATEWAYS
from benchmarks.targets import TARGETS


def test_targets_speak_of_what_is_measured() -> None:
    cases = {case.name: (case, {metric.key for metric in family.metrics}) for family in families() for case in family.cases}
    for target in TARGETS:
        case, metrics = cases[target.case]
        assert target.metric in metrics, target.text
        assert target.gateway in case.gateways, target.text
        if target.relation != "value":
            other, to = (target.case, target.to) if isinstance(target.to, str) else target.to
            assert to in cases[other][0].gateways, target.text


def test_cases_have_names_of_their_own_and_known_gateways() -> None:
    cases = [case for family in families() for case in family.cases]
    assert len({case.name for case in cases}) == len(cases)
    known = {gateway.name for gateway in GATEWAYS}
    assert all({*case.gateways, *case.short_gateways} <= known for case in cases)
