"""No library phones home, and what the user has set is left alone."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline_config.environment import child_environment

ASK = """
from pipeline_config.environment import prepare_process
prepare_process("store")
import os, mlflow, prefect.settings, huggingface_hub.constants
from mlflow.telemetry.utils import is_telemetry_disabled
print(is_telemetry_disabled(), huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY,
      prefect.settings.get_current_settings().server.analytics_enabled, os.environ["PREFECT_HOME"])
"""


@pytest.mark.parametrize(("own", "home"), [({}, "store/prefect"), ({"PREFECT_HOME": "mine"}, "mine")])
def test_telemetry_is_off_and_a_home_of_the_users_is_kept(tmp_path: Path, own: dict[str, str], home: str) -> None:
    names = ("PREFECT", "DO_NOT_TRACK", "MLFLOW", "HF_HUB")
    clean = {k: v for k, v in child_environment({}).items() if not k.startswith(names)}
    done = subprocess.run(
        [sys.executable, "-c", ASK], capture_output=True, text=True, cwd=tmp_path, env=clean | own, check=True
    )
    disabled, hub_disabled, analytics, found = done.stdout.split()
    assert (disabled, hub_disabled, analytics) == ("True", "True", "False")
    assert found.endswith(home)
