"""Settings: the values of SANDBOX_* variables."""

from pathlib import Path

import pytest

from sandbox.config import CHECKOUT, Settings, SettingsError


def test_the_defaults() -> None:
    settings = Settings.from_environment({})
    assert (settings.root, settings.net, settings.minute) == (CHECKOUT / ".sandbox", "127.36", 2.0)
    assert settings.api_url == "https://127.36.0.1:8443"


def test_what_the_environment_says() -> None:
    environment = {"SANDBOX_DIR": "/elsewhere", "SANDBOX_NET": "127.5", "SANDBOX_MINUTE": "0.5"}
    assert Settings.from_environment(environment) == Settings(Path("/elsewhere"), "127.5", 0.5)


@pytest.mark.parametrize("net", ["10.0", "127", "127.256", "127.1.2", "nonsense"])
def test_a_net_that_is_not_loopback_is_refused(net: str) -> None:
    with pytest.raises(SettingsError, match=r"SANDBOX_NET=.*for example SANDBOX_NET=127\.36"):
        Settings.from_environment({"SANDBOX_NET": net})


@pytest.mark.parametrize("minute", ["0", "-1", "61", "soon", "nan"])
def test_a_minute_that_is_none_is_refused(minute: str) -> None:
    with pytest.raises(SettingsError, match=r"SANDBOX_MINUTE=.*for example SANDBOX_MINUTE=2"):
        Settings.from_environment({"SANDBOX_MINUTE": minute})
