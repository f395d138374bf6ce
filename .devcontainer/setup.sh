#!/usr/bin/env bash
# What a fresh container needs, so that `make repro` and `make test` work at once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
make setup
