"""The Prefect server with its UI, for people who want to watch."""

import subprocess
import sys

import typer

from pipeline_config.environment import announce_server, child_environment, withdraw_server


def serve_ui(root: str, port: int) -> int:
    """Runs a server over this root's history until Ctrl-C.

    Returns:
        The server's exit status.
    """
    url = f"http://127.0.0.1:{port}"
    typer.echo(f"Prefect UI: {url}  (runs under {url}/runs, artifacts under {url}/artifacts; Ctrl-C stops it)")
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    # Without its own address the UI would call port 4200 whatever --port says.
    environment = child_environment({"PREFECT_SERVER_UI_API_URL": f"{url}/api", "PREFECT_API_URL": f"{url}/api"})
    announce_server(root, f"{url}/api")
    server = subprocess.Popen(command, env=environment)
    try:
        return server.wait()
    except KeyboardInterrupt:
        server.terminate()
        return server.wait()
    finally:
        withdraw_server(root)
