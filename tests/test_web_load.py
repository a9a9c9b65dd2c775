"""The explorer under load: fifty pages at once, each training a network and asking questions.

A few seconds of it are a test; `python tests/test_web_load.py --seconds 60` prints what came of
a minute: the times of answers, the runs, and the server's memory before and after.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect

CLIENTS = 50
NETWORK = "mlp:2-8-1,tanh,squared_error"
EPOCHS = 20
QUESTIONS = (
    ("/api/numbers", {"text": NETWORK}),
    ("/api/network", {"text": NETWORK}),
    ("/api/derivation", {"text": NETWORK, "quantity": "w2[1,2]", "style": "chain"}),
)
"""What is asked while the runs go on."""

PAUSE = 3.0
"""Seconds between two questions of one page."""


@dataclass
class Tally:
    """What came of it: seconds of each answer, runs to their end, frames, and what went wrong."""

    answers: list[float] = field(default_factory=list)
    runs: int = 0
    frames: int = 0
    waited: int = 0
    wrong: list[str] = field(default_factory=list)

    def percentile(self, part: float) -> float:
        row = sorted(self.answers)
        return row[min(len(row) - 1, int(part * len(row)))]


@dataclass(frozen=True)
class Server:
    """A server in a process of its own."""

    address: str
    token: str
    process: subprocess.Popen[str]

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def memory(self) -> int:
        """Bytes of the server's own process (its workers are bounded by themselves)."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def threads(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/task"))


@contextmanager
def served() -> Iterator[Server]:
    """`backprove serve` on a free port."""
    token = secrets.token_hex(8)
    command = [sys.executable, "-m", "backprove", "serve", "--no-browser", "--port", "0"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "BACKPROVE_TOKEN": token}
    )
    try:
        assert process.stdout is not None
        link = ""
        while "http://" not in link:
            link = process.stdout.readline()
            assert link, "the server ended"
        address = link[link.index("http://") :].split("/?")[0].strip()
        server = Server(address, token, process)
        with httpx.Client(base_url=address, headers=server.headers, timeout=60) as client:
            for path, question in QUESTIONS:
                client.post(path, json=question).raise_for_status()
        yield server
    finally:
        process.terminate()
        process.wait(20)


async def load(server: Server, seconds: float, clients: int = CLIENTS) -> Tally:
    """So many pages at once, for so many seconds."""
    tally, until = Tally(), time.monotonic() + seconds
    limits = httpx.Limits(max_connections=2 * clients)
    async with httpx.AsyncClient(
        base_url=server.address, headers=server.headers, timeout=60, limits=limits
    ) as client:
        pages = [_page(server, client, number, clients, until, tally) for number in range(clients)]
        await asyncio.gather(*pages)
    return tally


async def _page(
    server: Server, client: httpx.AsyncClient, number: int, of: int, until: float, tally: Tally
) -> None:
    await asyncio.gather(
        _train(server, number, until, tally), _ask(client, number, of, until, tally)
    )


async def _ask(client: httpx.AsyncClient, number: int, of: int, until: float, tally: Tally) -> None:
    """A question now and then, one at least; pages do not all ask at the same moment."""
    await asyncio.sleep(PAUSE * number / of)
    over = False
    while not over:
        path, question = QUESTIONS[(number + len(tally.answers)) % len(QUESTIONS)]
        begin = time.monotonic()
        answer = await client.post(path, json=question)
        tally.answers.append(time.monotonic() - begin)
        if answer.status_code != 200:
            tally.wrong.append(f"{path}: {answer.status_code} {answer.text[:200]}")
        over = time.monotonic() + PAUSE > until
        await asyncio.sleep(0 if over else PAUSE)


async def _train(server: Server, number: int, until: float, tally: Tally) -> None:
    """One run after the other, each to its end; the last is left without a word."""
    start = {
        "do": "start",
        "text": NETWORK,
        "data": {"name": "circles"},
        "seed": number,
        "epochs": EPOCHS,
    }
    address = server.address.replace("http", "ws") + "/api/train"
    while time.monotonic() < until:
        async with connect(
            address, additional_headers=server.headers, origin=server.address, open_timeout=30
        ) as socket:
            await socket.send(json.dumps(start))
            await socket.send('{"do": "play"}')
            kind = ""
            while kind not in ("stopped", "error"):
                try:
                    text = await asyncio.wait_for(socket.recv(), until - time.monotonic())
                except TimeoutError:
                    return
                kind = json.loads(text)["is"]
                tally.frames += kind == "frame"
                tally.waited += kind == "queued"
                if kind == "error":
                    tally.wrong.append(str(text)[:200])
            tally.runs += 1


def settled(server: Server, threads: int) -> int:
    """The server's threads, once the runs that were left have ended."""
    end = time.monotonic() + 60
    while server.threads() > threads and time.monotonic() < end:
        time.sleep(0.1)
    return server.threads()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_fifty_pages_at_once() -> None:
    with served() as server:
        asyncio.run(load(server, 1.0, clients=5))  # so that what is made once is made
        time.sleep(1)
        threads, before = server.threads(), server.memory()
        tally = asyncio.run(load(server, 4.0))
        assert not tally.wrong
        assert len(tally.answers) >= CLIENTS, "each page was answered"
        assert tally.frames, "runs go on meanwhile"
        assert tally.waited > 0, "more pages than places"
        assert settled(server, threads) <= threads, "no run is left behind"
        assert server.memory() - before < 60_000_000
        assert server.process.poll() is None


def main() -> None:
    """Print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--clients", type=int, default=CLIENTS)
    asked = parser.parse_args()
    with served() as server:
        asyncio.run(load(server, 3.0, clients=5))
        threads, before = server.threads(), server.memory()
        tally = asyncio.run(load(server, asked.seconds, asked.clients))
        threads_after = settled(server, threads)
        time.sleep(2)
        after = server.memory()
    print(f"{asked.clients} pages for {asked.seconds:g} s: {len(tally.answers):,} answers")
    for part in (0.5, 0.9, 0.99):
        print(f"  {part:.0%} within {1000 * tally.percentile(part):,.0f} ms")
    print(f"  the slowest took {1000 * max(tally.answers):,.0f} ms")
    print(f"{tally.runs:,} runs of {EPOCHS} epochs, {tally.frames:,} frames")
    print(f"memory before {before / 1e6:.1f} MB, after {after / 1e6:.1f} MB")
    print(f"threads before {threads}, after {threads_after}")
    print(f"went wrong: {len(tally.wrong)} {tally.wrong[:3]}")


if __name__ == "__main__":
    main()
