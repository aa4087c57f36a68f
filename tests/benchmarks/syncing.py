"""The first sync of a 2,000-mail Dovecot inbox against `mbsync`, which merely downloads it."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "edges"))

from servers import DOVECOT, PASSWORD, USER, Dovecot, start_dovecot

from classifier.sample.server import SampleMail
from tests.benchmarks.mails import mails
from tests.benchmarks.measuring import GHOSTRESUME, HEAD, RULE, Run, build_model, measure, row

COUNT, ROUNDS = 2_000, 3


def run() -> None:
    """Print the tables."""
    mbsync = shutil.which("mbsync")
    if not DOVECOT or not mbsync:
        print("## sync\n\nLeft out: it needs dovecot and mbsync (Debian: dovecot-imapd, isync).")
        return
    letters = [SampleMail("INBOX", raw) for raw in mails(COUNT, attachments=True)]
    with tempfile.TemporaryDirectory() as name:
        models = Path(name) / "models"
        ours, theirs, again, first = [], [], [], []
        for number in range(ROUNDS):
            home = Path(name) / f"home{number}"
            # Each on a server of its own: Dovecot keeps what it computed for the first reader.
            ours.append(_on_fresh_server(letters, lambda s, h=home: _sync(s, h, models)))
            theirs.append(_on_fresh_server(letters, lambda s: _mbsync(s, Path(name), mbsync)))
        server = start_dovecot()
        try:
            server.add(letters)
            home = Path(name) / "from-nothing"
            first.append(_sync(server, home, None))
            again += [_sync(server, home, None) for _ in range(5)]
        finally:
            server.stop()
    print(f"## sync, {COUNT:,} mails in Dovecot over TLS\n\n" + HEAD + "\n" + RULE)
    print(row("mbsync, downloading", theirs))
    print(row("first sync, the model built before", ours))
    print(row("first sync, the model built in it", first))
    print(row("sync with nothing new", again))
    ratios = sorted(a.wall / b.wall for a, b in zip(ours, theirs, strict=True))
    print(f"\nFirst sync against mbsync, pair by pair: {', '.join(f'{r:.2f}' for r in ratios)}")


def _on_fresh_server(letters: list[SampleMail], job) -> Run:
    server = start_dovecot()
    try:
        server.add(letters)
        return job(server)
    finally:
        server.stop()


def _sync(server: Dovecot, home: Path, models: Path | None) -> Run:
    home.mkdir(exist_ok=True)
    (home / "ghostresume.toml").write_text(
        f'[[accounts]]\nname = "bench"\nhost = "127.0.0.1"\nport = {server.tls_port}\n'
        f'user = "{USER}"\nauth = "env"\npassword_env = "BENCH_PASSWORD"\n'
        f'ca_file = "{server.ca_file}"\n'
    )
    command = [*GHOSTRESUME, "--home", str(home)]
    if models is not None:
        if not models.exists():
            build_model(home)
            shutil.move(home / "models", models)
        if not (home / "models").exists():
            shutil.copytree(models, home / "models")
    return measure([*command, "sync", "--json"], BENCH_PASSWORD=PASSWORD)


def _mbsync(server: Dovecot, folder: Path, program: str) -> Run:
    target = folder / "mbsync"
    shutil.rmtree(target, ignore_errors=True)
    (target / "mail").mkdir(parents=True)
    (target / "secret").write_text(PASSWORD)
    config = target / "mbsyncrc"
    config.write_text(
        f'IMAPAccount b\nHost 127.0.0.1\nPort {server.tls_port}\nUser {USER}\nPassCmd "cat {target}/secret"\n'
        f"SSLType IMAPS\nCertificateFile {server.ca_file}\n\n"
        f"IMAPStore far\nAccount b\n\nMaildirStore near\nPath {target}/mail/\nInbox {target}/mail/INBOX\n\n"
        f"Channel c\nFar :far:\nNear :near:\nPatterns INBOX\nSync Pull\nCreate Near\nSyncState {target}/\n"
    )
    return measure([program, "-q", "-c", str(config), "-a"])
