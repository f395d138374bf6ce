"""`make studio`: a page on which people draw, type and speak, and an interface for programs, on this machine alone.

``python -m tools.studio --models . main ../other`` shows several models side by side: folders, or Git revisions.
"""

import argparse
import os
import socket
from pathlib import Path
from tempfile import TemporaryDirectory

from stages.data.kinds.extra import library
from tools.refusal import one_line

HOST, PORT = "127.0.0.1", 7860


def main() -> None:
    """Serve until stopped; what was uploaded or made goes with it."""
    parser = argparse.ArgumentParser(prog="studio", description="draw, type and speak; and an interface for programs")
    parser.add_argument("--models", nargs="+", default=["."], metavar="MODEL", help="folders or Git revisions: .")
    parser.add_argument("--host", default=HOST, help=f"who may reach it; {HOST}: this machine alone")
    parser.add_argument("--port", type=int, default=PORT, help=f"{PORT}; 0: any that is free")
    chosen = parser.parse_args()
    with one_line("studio"), TemporaryDirectory(prefix="studio-") as scratch, listening(chosen.host, chosen.port) as at:
        os.environ |= {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1"}
        uploads = Path(scratch) / "uploads"
        uploads.mkdir()
        os.environ["GRADIO_TEMP_DIR"] = str(uploads)
        library("gradio", "studio")  # which brings the others, and wants to be told of the folder first
        import uvicorn
        from starlette.middleware.trustedhost import TrustedHostMiddleware

        from tools.studio.models import load_all
        from tools.studio.page import mount
        from tools.studio.service import service

        models = load_all(chosen.models, Path(scratch))
        app, port = mount(service(models), models), at.getsockname()[1]
        if chosen.host == HOST:  # nor may a page from elsewhere, under whose name a browser finds this machine
            app.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])
        print(f"studio: http://{chosen.host}:{port}, for programs /api/openapi.json; Ctrl-C ends it", flush=True)
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[at])


def listening(host: str, port: int) -> socket.socket:
    """Where requests come in. Raises ValueError where somebody else listens, or nobody may."""
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise ValueError(f"--port: expected a free port, got {port} ({error.strerror}); choose another") from error


if __name__ == "__main__":
    main()
