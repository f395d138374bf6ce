"""The four kinds of remotes, for real: a folder, and SSH, S3 and WebDAV servers on loopback, started by the tests.

Each has an account that may write, one that may only read, and credentials that are wrong.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from getpass import getuser
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from stages.common.files import write_json
from tests.clones import BIN, succeed

Settings = Mapping[str, str]  # of a DVC remote: option -> value
SYSTEM = f"{os.environ['PATH']}{os.pathsep}/usr/sbin"


@dataclass
class Server:
    """A server that can be killed and started again; what it was given stays in `data`."""

    kind: str
    url: str  # of the team's store
    team: Settings  # may write
    reader: Settings  # may only read
    stranger: Settings  # wrong credentials
    told: str  # what DVC says of those
    command: list[str]  # in the foreground; empty for a folder, which needs no server
    data: Path  # the folder in which the server keeps what it gets
    common: Settings = field(default_factory=dict)  # of all three
    ready: Callable[[], object] = lambda: None  # raises while the server isn't
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server, if it needs one, and wait until it answers."""
        if not self.command:
            return
        with (self.data.parent / "server.log").open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, start_new_session=True)
        until = time.monotonic() + 60
        while True:
            try:
                self.ready()
                return
            except Exception:  # each kind says in its own way that it isn't ready
                if time.monotonic() > until or self.process.poll() is not None:
                    raise
                time.sleep(0.1)

    def kill(self) -> None:
        """End the server and its workers at once, as a power cut would."""
        if self.process:
            all_of_it = psutil.Process(self.process.pid).children(recursive=True)  # sshd's lead groups of their own
            self.process.kill()
            for child in all_of_it:
                with suppress(psutil.NoSuchProcess):
                    child.kill()
            self.process.wait()
            self.process = None


def free_port() -> int:
    """A port of loopback on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> None:
    socket.create_connection(("127.0.0.1", port), timeout=1).close()


def program(name: str, install: str) -> str:
    """The path of a server's program; the test is skipped, with the line that installs it, when there is none."""
    found = shutil.which(name, path=f"{BIN}{os.pathsep}{SYSTEM}")
    if not found:
        pytest.skip(f"expected the program '{name}', found none; {install}")
    return found


def driver(name: str) -> None:
    """Skip the test when DVC's driver of this kind of remote is not installed."""
    if not find_spec(name):
        pytest.skip(f"expected DVC's driver '{name}', found none; make remotes")


def local(folder: Path) -> Server:
    """A folder that the team can reach: nothing to log in to, so no account but the system's."""
    data = folder / "data"
    data.mkdir()
    return Server("local", str(data), {}, {}, {}, "", [], data)


def ssh(folder: Path) -> Server:
    """OpenSSH with a key that may write and a key that may only read, by the server's forced command."""
    driver("dvc_ssh")
    sshd, keygen = (program(name, "apt-get install openssh-server") for name in ("sshd", "ssh-keygen"))
    sftp = next((path for path in map(Path, SFTP) if path.exists()), None)
    if not sftp:
        pytest.skip("expected sftp-server, found none; apt-get install openssh-sftp-server")
    for name in ("host", "team", "reader", "stranger"):
        subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    keys = {name: (folder / f"{name}.pub").read_text() for name in ("team", "reader")}
    (folder / "keys").write_text(f'{keys["team"]}restrict,command="{sftp} -R" {keys["reader"]}')
    port, data = free_port(), folder / "data"
    data.mkdir()
    settings = {
        **{"Port": port, "ListenAddress": "127.0.0.1", "HostKey": folder / "host", "PidFile": "none"},
        **{"AuthorizedKeysFile": folder / "keys", "StrictModes": "no", "UsePAM": "no", "PasswordAuthentication": "no"},
        **{"KbdInteractiveAuthentication": "no", "MaxStartups": "100:30:200", "Subsystem": f"sftp {sftp}"},
    }
    (folder / "sshd_config").write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where sshd drops its rights
    return Server(
        kind="ssh",
        url=f"ssh://{getuser()}@127.0.0.1:{port}{data}",
        team={"keyfile": str(folder / "team")},
        reader={"keyfile": str(folder / "reader")},
        stranger={"keyfile": str(folder / "stranger")},
        told="Permission denied for user",
        command=[sshd, "-D", "-e", "-f", str(folder / "sshd_config")],
        data=data,
        ready=lambda: answers(port),
    )


SFTP = ("/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server")


def s3(folder: Path) -> Server:
    """SeaweedFS with two identities."""
    driver("dvc_s3")
    weed = program("weed", "make remotes")
    data, port = folder / "data", free_port()
    data.mkdir()
    identities = {"team": ["Admin", "Read", "Write", "List", "Tagging"], "reader": ["Read", "List"]}
    accounts = {name: {"access_key_id": name, "secret_access_key": f"secret of {name}"} for name in identities}
    listed = [
        {"name": name, "actions": actions, "credentials": [{"accessKey": name, "secretKey": f"secret of {name}"}]}
        for name, actions in identities.items()
    ]
    write_json(folder / "s3.json", {"identities": listed})
    listening = [f"-{part}={free_port()}" for part in WEED_PORTS]
    endpoint = f"http://127.0.0.1:{port}"

    script = BUCKET.format(endpoint=endpoint)
    return Server(
        kind="s3",
        url="s3://team/store",
        team=accounts["team"],
        reader=accounts["reader"],
        stranger=accounts["team"] | {"secret_access_key": "a guess"},
        told="403",
        command=[
            *(weed, "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={data}", "-s3", f"-s3.port={port}"),
            *(f"-s3.config={folder / 's3.json'}", "-master.volumeSizeLimitMB=256", "-master.telemetry=false"),
            *listening,
        ],
        data=data,
        common={"endpointurl": endpoint, "region": "us-east-1"},
        ready=lambda: subprocess.run([BIN / "python", "-c", script], check=True, capture_output=True),
    )


BUCKET = """\
from s3fs import S3FileSystem
store = S3FileSystem(key="team", secret="secret of team", endpoint_url="{endpoint}")
store.exists("team") or store.mkdir("team")
store.pipe("team/ready", b"yes")  # it answers before it can write
"""
WEED_PORTS = (
    *("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc"),
    *("s3.port.grpc", "s3.port.iceberg", "s3.port.lance"),
)


def webdav(folder: Path) -> Server:
    """nginx with two users, of whom one may only read; its DAV gives a file its name when all of it is there."""
    driver("dvc_webdav")
    install = "apt-get install nginx-light libnginx-mod-http-dav-ext"
    nginx = program("nginx", install)
    module = next((path for path in map(Path, DAV) if path.exists()), None)
    if not module:
        pytest.skip(f"expected nginx's module dav-ext, found none; {install}")
    data, port = folder / "data", free_port()
    (data / "store").mkdir(parents=True)
    users = {"team": "secret", "reader": "secret"}
    (folder / "users").write_text("".join(f"{name}:{{PLAIN}}{secret}\n" for name, secret in users.items()))
    own = f"user {getuser()};" if os.geteuid() == 0 else ""
    config = NGINX.format(module=module, user=own, folder=folder, port=port)
    (folder / "nginx.conf").write_text(config)
    return Server(
        kind="webdav",
        url=f"webdav://127.0.0.1:{port}/store",
        team={"user": "team", "password": "secret"},
        reader={"user": "reader", "password": "secret"},
        stranger={"user": "team", "password": "a guess"},
        told="401",
        command=[nginx, "-e", "stderr", "-c", str(folder / "nginx.conf")],
        data=data,
        ready=lambda: answers(port),
    )


DAV = ("/usr/lib/nginx/modules/ngx_http_dav_ext_module.so", "/usr/lib64/nginx/modules/ngx_http_dav_ext_module.so")
NGINX = """\
load_module {module};
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_max_body_size 0;
    client_body_temp_path {folder}/data/uploads;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    dav_ext_lock_zone zone=locks:1m;
    server {{
        listen 127.0.0.1:{port};
        root {folder}/data;
        auth_basic "team";
        auth_basic_user_file {folder}/users;
        dav_methods PUT DELETE MKCOL COPY MOVE;
        dav_ext_methods PROPFIND OPTIONS LOCK UNLOCK;
        dav_ext_lock zone=locks;
        create_full_put_path on;
        location / {{
            if ($reader_writes) {{ return 403; }}
        }}
    }}
    map "$remote_user $request_method" $reader_writes {{
        default 0;
        "~^reader (PUT|DELETE|MKCOL|COPY|MOVE|LOCK)" 1;
    }}
}}
"""

KINDS: dict[str, Callable[[Path], Server]] = {"local": local, "ssh": ssh, "s3": s3, "webdav": webdav}


def connect(folder: Path, server: Server, account: str = "team", *, store: str) -> Path:
    """Make the server's folder `store` the default remote of a repository, with the credentials of an account."""
    if server.kind == "webdav":
        (server.data / "store" / store).mkdir(exist_ok=True)  # DVC makes no base folder there
    succeed(folder, "dvc", "remote", "add", "--force", "--default", "team", f"{server.url}/{store}")
    for option, value in {"verify": "true", **server.common}.items():
        succeed(folder, "dvc", "remote", "modify", "team", option, value)
    for option, value in getattr(server, account).items():
        succeed(folder, "dvc", "remote", "modify", "--local", "team", option, value)
    return folder
