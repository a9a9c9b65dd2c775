"""A page's training run, spoken to by WebSocket: a real server on a port of its own."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import Any

import numpy as np
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

import backprove as bp
from backprove.run.stepping import Stepper
from backprove.run.table import classic
from backprove.web import frames, learning
from backprove.web.learning import THREAD
from backprove.web.problems import GOOD, OVERTAKEN
from backprove.web.run_messages import DrawnData, Start
from backprove.web.runs import Runs, serve_run
from backprove.web.starting import tried
from backprove.web.workers import Workers

NET = "mlp:2-4-2,tanh,cross_entropy"
START = {"do": "start", "text": NET, "data": {"name": "xor", "rows": 100}}
WAIT = 60.0


class Server:
    """A server whose runs may be looked at."""

    def __init__(self, **options: Any) -> None:
        async def run(websocket: WebSocket) -> None:
            if not hasattr(self, "runs"):
                self.runs = Runs(**options)
            await serve_run(websocket, self.runs)

        config = uvicorn.Config(
            Starlette(routes=[WebSocketRoute("/", run)]), host="127.0.0.1", port=0,
            ws="websockets-sansio", log_level="critical", timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._server.serve()))
        self._thread.start()
        until(lambda: self._server.started)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(WAIT)
        assert not self._thread.is_alive()

    def page(self, **start: Any) -> Page:
        page = Page(self.port)
        if start:
            page.say({**START, **start})
        return page


class Page:
    """What a page says and is told."""

    def __init__(self, port: int, **options: Any) -> None:
        self.port = port
        self._connecting = connect(
            f"ws://127.0.0.1:{port}/", max_size=None, close_timeout=1, **options
        )
        self.socket = self._connecting.__enter__()

    def say(self, *messages: str | dict[str, Any]) -> None:
        for message in messages:
            if isinstance(message, str) and message.isalpha():
                message = {"do": message}
            self.socket.send(message if isinstance(message, str) else json.dumps(message))

    def told(self, *kinds: str, where: Callable[[Any], bool] = lambda m: True) -> Any:
        """The next message of a kind; others are passed over."""
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            message = json.loads(self.socket.recv(timeout=WAIT))
            if message["is"] in kinds and where(message):
                return message
        raise AssertionError(f"no {kinds} came")

    def close(self) -> None:
        self._connecting.__exit__(None, None, None)


def until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT
    while not what():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.01)


def threads() -> int:
    return sum(thread.name == THREAD for thread in threading.enumerate())


@pytest.fixture
def served() -> Iterator[Callable[..., Server]]:
    """Makes servers, which are closed afterwards; no run's thread may be left."""
    made: list[Server] = []

    def serve(**options: Any) -> Server:
        made.append(Server(**options))
        return made[-1]

    yield serve
    for server in made:
        server.close()
    until(lambda: threads() == 0)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with closing(Server()) as made:
        yield made


@pytest.fixture
def page(server: Server) -> Iterator[Page]:
    with closing(server.page()) as made:
        yield made
    until(lambda: threads() == 0)


# -- what is told --------------------------------------------------------------------------


def test_a_run_from_start_to_stop(page: Page) -> None:
    page.say({**START, "batch": 10, "validation": 0.2})
    ready = page.told("ready")
    assert (ready["rows"], ready["validation_rows"], ready["batches"]) == (80, 20, 8)
    assert (ready["inputs"], ready["targets"]) == (["x1", "x2"], ["class"])
    assert (ready["kind"], ready["classes"]) == ("classes", ["0", "1"])
    assert len(ready["points"]) == 80
    first = page.told("frame")
    assert (first["epoch"], first["step"], first["playing"], first["losses"]) == (1, 0, False, [])
    page.say("step")
    assert page.told("frame")["step"] == 1
    page.say("epoch")
    frame = page.told("frame", where=lambda m: not m["playing"])
    assert (frame["epoch"], frame["step"]) == (2, 8), "to the end of the epoch under way"
    assert [row[0] for row in frame["losses"]] == [1]
    assert sum(map(sum, frame["confusion"])) == 20
    page.say("play")
    frame = page.told("frame", where=lambda m: m["epoch"] > 5)
    assert frame["playing"]
    page.say("pause")
    assert not page.told("frame", where=lambda m: not m["playing"])["playing"]
    page.say("stop")
    stopped = page.told("stopped")
    assert stopped["reason"] == "done"
    with pytest.raises(ConnectionClosed):
        page.socket.recv(timeout=WAIT)


def test_a_page_sees_the_numbers_of_the_stepper(page: Page) -> None:
    options = {"seed": 5, "optimizer": "momentum", "eta": 0.05, "decay": 0.1, "clip_norm": 0.2}
    page.say({**START, **options}, "step", "step", "step")
    frame = page.told("frame", where=lambda m: m["step"] == 3)
    stepper = Stepper(bp.load(NET), classic("xor", rows=100, seed=5), **options)
    for _ in range(3):
        stepper.step()
    for name, array in stepper.parameters.items():
        assert np.allclose(frame["parameters"][name], array, rtol=1e-5, atol=1e-30)
        assert np.allclose(
            frame["gradients"][name], stepper.gradients()[name], rtol=1e-4, atol=1e-9
        )
    boundary = frame["boundary"]
    values = np.frombuffer(base64.b64decode(boundary["values"]), "<f4")
    assert (boundary["size"], boundary["of"], values.shape) == ([48, 48], "float32", (48 * 48,))
    assert ((values >= 0) & (values <= 1)).all()


def test_losses_come_once_each_and_in_order(page: Page) -> None:
    page.say({**START, "epochs": 60}, {"do": "speed", "frames": 30}, "play")
    epochs: list[int] = []
    while (message := page.told("frame", "stopped"))["is"] == "frame":
        epochs += [row[0] for row in message["losses"]]
    assert epochs == list(range(1, 61))
    assert message["reason"] == "done"
    assert "60 epochs" in message["words"]


def test_a_csv_is_read_as_on_the_command_line(page: Page) -> None:
    rows = "\n".join(f"{k % 7},{k % 5},{'yes' if k % 2 else 'no'}" for k in range(40))
    page.say({**START, "data": {"csv": f"a,b,answer\n{rows}"}})
    ready = page.told("ready")
    assert ready["classes"] == ["no", "yes"]
    assert ready["points"][0][2] in (0, 1)


def test_columns_give_what_is_said_in_that_order(page: Page) -> None:
    rows = "\n".join(f"{k},{k % 2},{k % 7},{k % 5}" for k in range(40))
    columns = {"x": ["b, really", "a"], "y": ["kind"]}
    csv = f'number,kind,a,"b, really"\n{rows}'
    page.say({**START, "validation": 0, "data": {"csv": csv, "columns": columns}})
    ready = page.told("ready")
    assert (ready["inputs"], ready["targets"]) == (["b, really", "a"], ["kind"])
    wanted = [[k % 5, k % 7, k % 2] for k in range(40)]
    assert np.allclose(ready["points"], wanted, atol=1e-5)


def test_a_column_that_is_left_out_is_not_found_by_its_name(page: Page) -> None:
    text = "input x = 3\ninput z\ntarget y\nweight w\nloss J = (y - w*x*z)^2"
    csv = "x,z,y\n" + "1,2,3\n" * 20
    page.say({**START, "text": text, "data": {"csv": csv, "columns": {"z": ["z"], "y": ["y"]}}})
    assert "input x: the value in the network&#x27;s file" in page.told("ready")["notes"][0]


def test_gaps_are_left_out_and_words_one_hot_where_the_page_says_so(page: Page) -> None:
    rows = "\n".join(
        f"{'' if k % 10 == 3 else k};{'up' if k % 3 else 'down'};{k % 2}" for k in range(40)
    )
    data = {"csv": f"a;way;y\n{rows}", "columns": {"x": ["way"], "y": ["y"]}}
    page.say({**START, "data": {**data, "one_hot": ["way"]}})
    ready = page.told("ready")
    assert (ready["rows"] + ready["validation_rows"], ready["inputs"]) == (
        40, ["way = down", "way = up"],
    )  # fmt: skip
    assert {tuple(point[:2]) for point in ready["points"]} == {(0, 1), (1, 0)}
    page.say("stop")
    page.told("stopped")
    other = Page(page.port)
    data = {**data, "columns": {"x": ["a", "way"], "y": ["y"]}, "skip_missing": True}
    other.say({**START, "text": "mlp:3-2-1", "data": {**data, "one_hot": ["way"]}})
    ready = other.told("ready")
    assert ready["rows"] + ready["validation_rows"] == 36
    assert "4 of 40 rows, which lack a value: 4 in column a" in ready["notes"][0]
    other.close()


def test_no_word_of_the_command_line_s_options(page: Page) -> None:
    csv = "a,b,c\n" + "1,2,3\n" * 20
    page.say({**START, "text": "input u, v\ntarget y\nweight w\nloss J = (y - w*u*v)^2",
              "data": {"csv": csv}})  # fmt: skip
    problem = page.told("error")["error"]
    assert "which columns of the CSV give the input u" in problem["message"]
    assert problem["suggestion"].startswith("choose what each column gives")


def test_many_weights_come_as_bytes_and_seldom(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "SENT_EVERY", 0.3)
    seen: list[Any] = []

    def weights() -> Any:
        """Those of a run that rests or has ended, as the last frame that told some has them."""
        while True:
            message = page.told("frame", "stopped")
            if message["is"] == "frame":
                seen.append(message)
            told = next((m for m in reversed(seen) if m["parameters"]), None)
            over = message["is"] == "stopped" or not message["playing"]
            if over and told and told["step"] == seen[-1]["step"]:
                return told

    page.say({**START, "text": "mlp:2-100-60-2,tanh,cross_entropy", "batch": 10})
    assert page.told("ready")["weights_every"] == 0.3
    assert weights()["step"] == 0
    page.say("play")
    page.told("frame", where=lambda m: seen.append(m) or (m["step"] > 0 and m["parameters"]))
    assert any(message["parameters"] is None for message in seen), "not with every frame"
    page.say("pause")
    before = weights()
    page.say("step")
    page.told("frame", where=lambda m: seen.append(m) or m["step"] == before["step"] + 1)
    after = weights() if seen[-1]["parameters"] is None else seen[-1]
    stepped = unpacked(after["parameters"]["w2"]) - unpacked(before["parameters"]["w2"])
    assert unpacked(after["gradients"]["w2"]).shape == stepped.shape == (60, 100)
    assert 0 < np.abs(stepped).max() < 0.1, "one step of Adam"
    page.say("play")
    page.told("frame", where=lambda m: seen.append(m) or m["playing"])
    page.say("stop")
    assert weights()["step"] > after["step"]


def unpacked(packed: dict[str, Any]) -> Any:
    values = np.frombuffer(base64.b64decode(packed["values"]), "<f4")
    return values.reshape(packed["shape"])


def test_a_rate_changes_while_it_plays(page: Page) -> None:
    page.say(START, "play", {"do": "eta", "eta": 0.25})
    assert page.told("frame", where=lambda m: m["eta"] == 0.25)["playing"]


def test_divergence_stops_with_its_reason(page: Page) -> None:
    text = (
        "input x[2]\ntarget y\nweight w[2] = [99, 99]\n"
        "h = exp(sum(i: w[i]*x[i]))\nloss J = (y - h)^2"
    )
    page.say({**START, "text": text, "data": {"name": "plane"}}, "play")
    stopped = page.told("stopped")
    assert (stopped["reason"], stopped["quantity"]) == ("nan", "h")
    assert "largest number of float32" in stopped["words"]
    assert "smaller weights" in stopped["words"], "no rate helps at the first step"
    assert not stopped["slower"]


def test_values_of_the_page_are_where_it_starts(page: Page) -> None:
    page.say({**START, "values": {"w1": [[0.5, 0.25]] * 4}})
    assert page.told("frame")["parameters"]["w1"] == [[0.5, 0.25]] * 4


# -- what is wrong -------------------------------------------------------------------------

BEFORE = [
    ("xx", "JSON"),
    ("[]", "object"),
    ('{"do": "dance"}', "dance"),
    ('{"do": "play"}', "nothing is being trained"),
    (json.dumps({**START, "eta": 0}), "greater than 0"),
    (json.dumps({**START, "batch": 1e9}), "batch"),
    (json.dumps({**START, "surprise": 1}), "surprise"),
    (json.dumps({**START, "text": "x" * 100_001}), "100000 characters"),
    ('{"do": "eta", "eta": NaN}', "finite|JSON"),
    ("[" * 100_000, "JSON|object"),
]


def test_what_cannot_be_understood_is_said_and_the_connection_stays(page: Page) -> None:
    for said, words in BEFORE:
        page.socket.send(said)
        problem = page.told("error")["error"]
        assert any(word in problem["message"] for word in words.split("|")), problem
    page.socket.send(b"\x00\xff")
    page.told("error")
    page.say(START)
    page.told("ready")
    page.say(START)
    assert "one run" in page.told("error")["error"]["message"]


DEEP = "input x\ntarget y\nweight w\n" + "".join(
    f"h{k + 1} = {f'h{k}' if k else 'w*x'}*w\n" for k in range(64)
)


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ({"text": "input x\nloss J = y"}, "no quantity named y"),
        ({"text": "mlp:2-300-300-1"}, "91,501 weights and biases"),
        ({"text": f"{DEEP}loss J = (y - h64)^2"}, "65 equations"),
        ({"text": "input x[2]\ntarget y\nweight w[2]\nh[i,j,k] = w[i]*x[j]*w[k]\n"
                  "loss J = sum(i,j,k: h[i,j,k])".replace("[2]", "[99]")}, "values"),
        ({"data": {"name": "/etc/passwd"}}, "no data '/etc/passwd'"),
        ({"optimizer": "/etc/passwd"}, "no optimizer '/etc/passwd'"),
        ({"schedule": "../x.bp"}, "no schedule '../x.bp'"),
        ({"values": {"w1": [1]}}, "start values of w1"),
        ({"data": {"csv": ""}}, "the CSV is empty"),
        ({"data": {"csv": "a,b\n1,2\n3"}}, "line 3: 1 cells"),
        ({"data": {"csv": "a,b\n1,z\n2,w\n", "columns": {"x": ["a"], "y": ["b"]}}}, "2 numbers"),
        ({"data": {"csv": "a,b\n1,z\n2,w\n", "columns": {"x": ["*"]}}}, "no column *"),
        ({"data": {"csv": "a,a\n" * 60_000}}, "60,000 rows"),
        ({"data": {"csv": "a," * 2000}}, "2,000 columns"),
        ({"data": {"name": "digits"}}, "10 classes"),
        ({"data": {"csv": "a,y\n" + "".join(f"w{k},1\n" for k in range(3000)), "one_hot": ["a"]}},
         "3,000 different words in 3,000 rows"),
        ({"data": {"csv": "a,b,y\n,1,n\n2,,y\n", "skip_missing": True}},
         "every row of the CSV lacks"),
        ({"data": {"csv": "a,b,y\n1,2,n\n2,1,y\n", "one_hot": ["y"]}},
         "y of the CSV gives no input"),
        ({"data": {"csv": "a,b,y\n" + "1,2,x\n3,1e999,y\n"}}, "line 3, column b: inf"),
        ({"text": "mlp:2-1,linear,squared_error", "data": {"csv": "a,b,y\n1,2,3\n2,2,1e39\n"}},
         "1e+39 is too large"),
        ({"text": "input x[2]\ntarget y\nweight a\nloss J = a^2"}, "no input and no target"),
    ],
    ids=lambda case: str(case)[:40],
)  # fmt: skip
def test_what_cannot_be_trained_is_refused_in_words(
    page: Page, start: dict[str, Any], words: str
) -> None:
    page.say({**START, **start})
    problem = page.told("error")["error"]
    assert words in problem["message"]
    assert "mistake in backprove" not in problem["message"]


class Trials(Workers):
    """Processes that take for ever over a network whose text says so."""

    async def answer(self, call: Any, seconds: float) -> Any:
        function, (start, _) = call
        assert isinstance(start.data, DrawnData), "no data are copied"
        if "late" in start.text:
            return OVERTAKEN, ""
        if "for ever" in start.text:
            await asyncio.sleep(WAIT)
        return await asyncio.to_thread(function, start, seconds)


def test_a_network_is_tried_before_a_thread_of_the_server_takes_it(
    served: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []
    prepared = learning.made
    monkeypatch.setattr(
        learning, "made", lambda start, table: tried.append(start.text) or prepared(start, table)
    )
    server = served(workers=Trials())
    late = server.page(text="# late\ninput x\nloss J = x")
    assert "more time or memory" in late.told("error")["error"]["message"]
    wrong = server.page(text="input x\nloss J = y")
    assert wrong.told("error")["error"]["line"] == 2
    endless = server.page(text="# for ever\ninput x\nloss J = x")
    good = server.page(data={"csv": "a,b,c\n" + "1,2,0\n1,3,1\n" * 9})
    good.say("step", "step")
    assert good.told("frame", where=lambda m: m["step"] == 2)
    endless.socket.socket.shutdown(2)
    until(lambda: len(server.runs.open) == 1 and threads() == 1)
    assert tried == [NET]


# Python passes an exception over where it calls back on its own; it is raised again soon after.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_trial_ends_with_its_time_and_the_process_goes_on() -> None:
    text = "input x[2]\ntarget y\nweight a\nh = " + "tanh(" * 150 + "a*x[1]" + ")" * 150
    slow = {**START, "text": f"{text}\nloss J = (y - h)^2"}
    assert tried(Start.model_validate(slow), 0.2) == (OVERTAKEN, "")
    assert tried(Start.model_validate(START), WAIT) == (GOOD, "")


def test_the_line_of_a_mistake_in_the_text_is_told(page: Page) -> None:
    page.say({**START, "text": "input x\nloss J = y"})
    problem = page.told("error")["error"]
    assert (problem["line"], problem["column"]) == (2, 10)


# -- places, and pages that go -------------------------------------------------------------


def test_the_others_wait_in_order_and_are_told(served: Callable[..., Server]) -> None:
    server = served(at_once=1, queued=2)
    first = server.page(seed=1)
    first.say("play")
    first.told("ready")
    second = server.page(seed=2)
    assert second.told("queued")["ahead"] == 0
    third = server.page(seed=3)
    assert third.told("queued")["ahead"] == 1
    refused = server.page()
    assert "too many runs" in refused.told("error")["error"]["message"]
    third.say("step")  # kept until there is a place
    second.close()
    assert third.told("queued")["ahead"] == 0
    assert threads() == 1
    first.close()
    assert third.told("frame", where=lambda m: m["step"] == 1)["step"] == 1


def test_a_run_that_rests_makes_room(served: Callable[..., Server]) -> None:
    server = served(at_once=1, patience=0.2)
    first = server.page(seed=1)
    first.say("step")
    first.told("frame", where=lambda m: m["step"] == 1)
    second = server.page(seed=2)
    second.say("play")
    second.told("frame", where=lambda m: m["step"] > 1)
    first.say("play")  # now it is the first that waits
    assert first.told("queued")["ahead"] == 0
    second.say("pause")
    assert first.told("frame", where=lambda m: m["step"] > 1)["playing"]


def test_a_run_that_is_paused_costs_nothing(page: Page) -> None:
    page.say(START, "play")
    page.told("frame", where=lambda m: m["step"] > 5)
    page.say("pause")
    page.told("frame", where=lambda m: not m["playing"])
    with suppress(TimeoutError):
        page.socket.recv(timeout=0.2)
    before = time.process_time()
    time.sleep(0.5)
    assert time.process_time() - before < 0.25  # a run that went on would take it all


def test_a_run_ends_after_its_time_in_words(served: Callable[..., Server]) -> None:
    page = served(seconds=0.3).page(seed=1)
    page.say("play")
    stopped = page.told("stopped")
    assert stopped["reason"] == "limit"
    assert "minutes" in stopped["words"]


@pytest.mark.parametrize("moment", ["before", "start", "play", "pause", "unread"])
def test_a_page_that_vanishes_leaves_no_run(served: Callable[..., Server], moment: str) -> None:
    """Its socket is cut as by a machine that crashed: without a word."""
    server = served(at_once=1)
    page = server.page(**({} if moment == "before" else {"seed": 1}))
    if moment in ("play", "pause", "unread"):
        page.say("play")
        page.told("frame", where=lambda m: m["step"] > 0)
    if moment == "pause":
        page.say("pause")
        page.told("frame", where=lambda m: not m["playing"])
    if moment == "unread":
        time.sleep(1)
    page.socket.socket.shutdown(2)
    until(lambda: hasattr(server, "runs") and not server.runs.open and threads() == 0)
    after = server.page(seed=2)
    after.told("ready")  # its place is free


def test_a_page_that_waits_and_vanishes_leaves_the_queue(served: Callable[..., Server]) -> None:
    server = served(at_once=1)
    first = server.page(seed=1)
    first.told("ready")
    second = server.page(seed=2)
    second.told("queued")
    second.socket.socket.shutdown(2)
    until(lambda: len(server.runs.open) == 1)
    assert threads() == 1


def test_a_slow_page_is_sent_fewer_frames(served: Callable[..., Server]) -> None:
    """Who does not read holds up the frames, not the training; and what waits stays small."""
    server = served()
    page = Page(server.port, max_queue=1)
    page.say({**START, "text": "mlp:2-60-60-2,tanh,cross_entropy"}, {"do": "speed", "frames": 30})
    page.say("play")
    until(lambda: len(server.runs.open) == 1)
    (session,) = server.runs.open
    most = 0
    for _ in range(30):
        time.sleep(0.1)
        most = max(most, sum(kind == "frame" for kind, _ in list(session._out)))
    assert most <= 1
    page.close()


def test_who_says_too_much_is_told(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "SLICE", 0.5)
    page.say(START)
    page.told("ready")
    for _ in range(3000):
        page.say("step")
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        message = page.told("frame", "error")
        if message["is"] == "error":
            assert "more is asked" in message["error"]["message"]
            return
    raise AssertionError("every message was taken")
