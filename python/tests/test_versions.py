"""The version guard."""

import pytest

from sirocco_worker import versions


def test_the_installed_versions_are_tested_ones_and_have_every_seam() -> None:
    versions.check_versions()
    assert "mistralai-workflows/3.16" in versions.host_name()


def test_another_minor_version_is_refused_naming_the_tested_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "TESTED", {"mistralai-workflows": (3, 99), "temporalio": (1, 29)})
    with pytest.raises(
        versions.UnsupportedVersion, match=r"mistralai-workflows 3\.16\.\d+ \(tested: 3\.99\.x\).*SIROCCO_UNTESTED"
    ):
        versions.check_versions()
    monkeypatch.setenv("SIROCCO_UNTESTED", "1")
    versions.check_versions()


def test_a_seam_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "_COMMANDS", "start_timer start_teleport")
    with pytest.raises(versions.UnsupportedVersion, match=r"lacks WorkflowCommand\.start_teleport"):
        versions.check_versions()
