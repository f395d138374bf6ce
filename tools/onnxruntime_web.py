"""What a browser runs graphs with: the package onnxruntime-web, fetched from npm and checked by its digest."""

import base64
import hashlib
import shutil
import subprocess
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

PACKAGE = "onnxruntime-web@1.30.0"
SHA512 = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="  # as npm states it
FILES = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")  # MIT licence, which stands in the first


def bring(folder: Path) -> None:
    """Write its files into the folder, 14 MiB. Raises ValueError without npm, or where it gives something else."""
    npm = shutil.which("npm")
    if npm is None:
        raise ValueError("--page: expected npm, to fetch what a browser runs graphs with, got none; install Node.js")
    with TemporaryDirectory() as place:
        told = subprocess.run([npm, "pack", "--silent", PACKAGE], cwd=place, capture_output=True, text=True)
        archives = list(Path(place).glob("*.tgz"))
        if told.returncode or len(archives) != 1:
            reason = " ".join(told.stderr.split()) or "no archive"
            raise ValueError(f"--page: expected {PACKAGE} from npm, got: {reason}; is there a network?")
        digest = base64.b64encode(hashlib.sha512(archives[0].read_bytes()).digest()).decode()
        if digest != SHA512:
            told_apart = f"{PACKAGE} with the digest {SHA512[:12]}"
            raise ValueError(f"--page: expected {told_apart}, got {digest[:12]}; ask who runs your registry")
        with tarfile.open(archives[0]) as archive:
            for name in FILES:
                file = archive.extractfile(f"package/dist/{name}")
                assert file is not None, name
                (folder / name).write_bytes(file.read())
