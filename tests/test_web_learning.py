"""A training run of the explorer, in a real browser: from the data to the learned weights."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the explorer's server needs backprove[serve]")
pytest.importorskip("playwright", reason="a browser is driven by the Python package playwright")

from playwright.sync_api import Locator, Page, Route, expect, sync_playwright

NETWORK = "mlp:2-4-1,tanh,binary_cross_entropy"
NAMES = ("chromium", "chromium-browser", "google-chrome")
STORE = "import('/assets/js/state.js').then(({ store }) =>"
PATIENCE = 60_000  # milliseconds
MOST_RIGHT = re.compile(r"^(9\d|100)\.\d %")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A server's link, with its token."""
    command = "from backprove.cli import main; main()"
    server = subprocess.Popen(
        [sys.executable, "-c", command, "serve", NETWORK, "--no-browser", "--port", "0"],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        assert server.stdout is not None
        found = re.search(r"http://\S+", server.stdout.readline())
        assert found, "the server says no link"
        yield found.group()
    finally:
        server.terminate()
        server.communicate(timeout=10)


@pytest.fixture(scope="module")
def page(address: str) -> Iterator[Page]:
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip(f"there is no browser on the PATH ({', '.join(NAMES)})")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-background-networking"]
        )
        made = browser.new_page(viewport={"width": 1280, "height": 900})
        made.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        wrong: list[str] = []
        made.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        made.on("pageerror", lambda problem: wrong.append(str(problem)))
        made.goto(address)
        made.locator("#tab-learning").click()
        yield made
        browser.close()
    assert wrong == []


def state(page: Page, expression: str) -> Any:
    """An expression over the page's store."""
    return page.evaluate(
        f"() => {STORE} (({{ values, numbers, training }}) => {expression})(store.get()))"
    )


def panel(page: Page) -> Locator:
    return page.locator("#panel-learning")


def write(page: Page, text: str) -> None:
    """A text in the editor, and its network in the page: another one ends the run of the last."""
    page.locator("#editor textarea").fill(text)
    page.evaluate(
        f"(text) => {STORE} new Promise((done) => {{"
        " const look = () => { if (store.get().network?.asked.text === text) done(); };"
        " store.on('network', look); look(); }))",
        text,
    )


def number_of(page: Page, name: str) -> float:
    """A readout."""
    return float(page.locator(f".readouts .{name} dd").inner_text().strip(" %").replace(",", ""))


def test_a_run_from_the_data_to_the_learned_weights(page: Page) -> None:
    said, play = page.locator(".run-state"), page.locator(".transport .play")
    panel(page).get_by_role("combobox", name="Data").select_option("gaussians")
    expect(said).to_contain_text("Ready: 320 samples")
    expect(page.get_by_role("heading", name="Decision boundary")).to_be_visible()
    assert state(page, "values") == {}

    panel(page).get_by_role("button", name="One step").click()
    expect(page.locator(".readouts .step dd")).to_have_text("1")
    expect(said).to_contain_text("Resting")
    after_one = state(page, "values.w1")
    assert len(after_one) == 4

    # With the keyboard; weights stream to the drawing while it plays, the page's values rest.
    play.focus()
    page.keyboard.press("Space")
    expect(play).to_have_text("Pause")
    seen = page.evaluate(
        f"() => {STORE} new Promise((done) => {{ const seen = new Set();"
        " const stop = store.on('training', ({ training }) => {"
        "   if (training?.playing) seen.add(training.parameters.w1[0][0]);"
        "   if (seen.size < 10) return;"
        "   stop(); done({ seen: seen.size, kept: store.get().values.w1 }); }); }))"
    )
    assert seen == {"seen": 10, "kept": after_one}
    expect(page.locator(".readouts .accuracy dd")).to_have_text(MOST_RIGHT)
    page.keyboard.press("Space")
    expect(said).to_contain_text("Resting")
    assert number_of(page, "loss") < 0.5
    assert number_of(page, "epoch") > 1

    # What was learned is the page's, and its numbers follow.
    page.evaluate(
        f"() => {STORE} new Promise((done) => {{"
        " const look = () => { if (store.get().training === null) done(); };"
        " store.on('training', look); look(); }))"
    )
    learned = state(page, "values.w1")
    assert learned != after_one
    assert state(page, "numbers.given.w1") == learned

    rows = page.locator(".confusion tbody tr")
    expect(rows).to_have_count(2)
    counts = [int(cell) for cell in rows.locator("td:not(.soft)").all_inner_texts() if cell != "·"]
    assert sum(counts) == 80
    panel(page).get_by_text("As a table").click()
    expect(page.locator(".plot-table tbody tr").nth(1)).to_be_visible()

    panel(page).get_by_role("button", name="Start over").click()
    expect(said).to_contain_text("Ready")
    assert "w1" not in state(page, "values")


def test_what_does_not_fit_is_said_and_a_network_is_offered(page: Page) -> None:
    panel(page).get_by_role("combobox", name="Data").select_option("digits")
    misfit = page.locator(".misfit")
    expect(misfit).to_contain_text("A sample has 64 inputs, and this network takes 2.")
    expect(page.locator(".transport .play")).to_be_disabled()
    expect(misfit.get_by_role("button")).to_contain_text("mlp:64-")
    panel(page).get_by_role("combobox", name="Data").select_option("plane")
    misfit.wait_for(state="hidden")


def test_divergence_is_explained_and_a_smaller_rate_learns(page: Page) -> None:
    panel(page).get_by_role("combobox", name="Data").select_option("plane")
    write(page, "mlp:2-4-1,tanh/linear,squared_error")
    expect(page.locator("#network-about")).to_contain_text("linear")
    panel(page).get_by_role("combobox", name="Optimizer").select_option("sgd")
    panel(page).get_by_role("textbox", name="Learning rate").fill("50")
    play, ending = page.locator(".transport .play"), page.locator(".ending")
    play.click()
    expect(ending).to_contain_text("The training diverges in epoch")
    expect(play).to_have_text("Play")
    ending.get_by_role("button", name="Start over with a rate of 0.1").click()
    expect(page.locator(".readouts .epoch dd")).to_have_text(re.compile(r"^\d{2,}|\d,"))
    expect(ending).to_be_hidden()
    play.click()
    expect(page.locator(".run-state")).to_contain_text("Resting")
    assert number_of(page, "loss") < 0.1


def test_numbers_are_written_as_people_write_them(page: Page) -> None:
    write(page, NETWORK)
    panel(page).get_by_role("combobox", name="Data").select_option("gaussians")
    expect(page.locator(".run-state")).to_contain_text("320 samples")
    rate = panel(page).get_by_role("textbox", name="Learning rate")
    refused = page.locator(".refused")
    play = page.locator(".transport .play")
    for words, why in (
        ("1,500", "may be meant as 1500 or as 1.500"), ("", "A number is missing"),
        ("0", "must be above 0"), ("fast", "no number"),
    ):  # fmt: skip
        rate.fill(words)
        rate.press("Tab")
        expect(refused).to_contain_text(why)
        play.click()
        expect(rate).to_be_focused()
        expect(rate).to_have_attribute("aria-invalid", "true")
    rate.fill("0,5")
    rate.press("Tab")
    expect(refused).to_be_hidden()
    panel(page).get_by_role("combobox", name="Optimizer").select_option("adam")
    rate.fill("0,25")
    panel(page).get_by_role("button", name="One epoch").click()
    expect(page.locator(".readouts .epoch dd")).to_have_text("2")
    panel(page).get_by_text("More settings").click()
    noise = panel(page).get_by_role("textbox", name="Noise")
    noise.press("ArrowUp")
    expect(noise).to_have_value("0.06")
    batch = panel(page).get_by_role("textbox", name="Batch")
    batch.fill("2,5")
    batch.press("Tab")
    expect(refused).to_contain_text("Batch: it must be a whole number")
    batch.fill("32")
    batch.press("Tab")
    expect(refused).to_be_hidden()


def test_what_was_typed_counts_for_a_button_pressed_at_once(page: Page) -> None:
    write(page, NETWORK)
    batch = panel(page).get_by_role("textbox", name="Batch")
    epoch = panel(page).get_by_role("button", name="One epoch")
    expect(epoch).to_be_enabled()
    for size, steps in (("64", "5"), ("32", "10")):
        batch.evaluate(
            "(field, [size, button]) => { field.value = size;"
            " field.dispatchEvent(new Event('input', { bubbles: true })); button.click(); }",
            [size, epoch.element_handle()],
        )
        expect(page.locator(".readouts .step dd")).to_have_text(steps)
        page.wait_for_timeout(600)  # by when another run would have begun
        expect(page.locator(".readouts .step dd")).to_have_text(steps)


def test_the_axes_of_the_loss_begin_again(page: Page) -> None:
    over = panel(page).get_by_role("button", name="Start over")
    said, image = (
        page.locator(".run-state"),
        "document.querySelector('.loss-plot canvas').toDataURL()",
    )
    over.click()
    expect(said).to_contain_text("Ready")
    empty = page.evaluate(image)
    for epoch in ("2", "3", "4", "5"):
        panel(page).get_by_role("button", name="One epoch").click()
        expect(page.locator(".readouts .epoch dd")).to_have_text(epoch)
    page.wait_for_function(f"(empty) => {image} !== empty", arg=empty)
    over.click()
    expect(said).to_contain_text("Ready")
    page.wait_for_function(f"(empty) => {image} === empty", arg=empty)


CSV = "id,u,v,w,kind\n" + "".join(
    f"row {k},{k % 7},{(k * k) % 5},{k % 3},{'yes' if k % 7 > 3 else 'no'}\n" for k in range(60)
)


def give(page: Page, name: str, csv: str) -> None:
    file = {"name": name, "mimeType": "text/csv", "buffer": csv.encode()}
    with page.expect_file_chooser() as chooser:
        panel(page).get_by_role("button", name="Choose a CSV").click()
    chooser.value.set_files([file])  # type: ignore[list-item]


def test_the_columns_of_a_csv_are_given_to_inputs_and_target(page: Page) -> None:
    write(page, NETWORK)
    panel(page).get_by_role("combobox", name="Data").select_option("own")
    give(page, "own.csv", CSV)
    misfit, digest = page.locator(".misfit"), page.locator(".columns summary")
    # of five columns one is the target, one holds words; three are too many for two inputs
    expect(misfit).to_contain_text("3 columns give the input x, which takes 2 numbers: leave 1 out")
    expect(misfit.get_by_role("button")).to_contain_text("mlp:3-8-8-1")
    expect(digest).to_have_text("Columns: kind learned from 3 others, 1 left out")
    panel(page).get_by_role("combobox", name="What v gives").select_option("nothing")
    expect(misfit).to_be_hidden()
    panel(page).get_by_role("button", name="Move w up").click()
    expect(panel(page).get_by_role("button", name="Move w down")).to_be_focused()
    expect(
        page.locator(".columns tbody tr", has=page.get_by_role("rowheader", name="w"))
    ).to_contain_text("x[1]")
    expect(page.locator(".run-state")).to_contain_text("48 samples")
    panel(page).get_by_text("What is read from the data").click()
    notes = page.locator(".run-notes li")
    expect(notes.first).to_contain_text("columns w, u")
    panel(page).get_by_role("button", name="One epoch").click()
    expect(page.locator(".run-state")).to_contain_text("Resting")

    # a network of other names keeps what was chosen
    write(page, "input p, q\ntarget t\nweight a, b\nz = sigmoid(a*p + b*q)\nloss J = (t - z)^2")
    expect(misfit).to_contain_text("2 columns give the input p, which takes 1 number")
    panel(page).get_by_role("combobox", name="What u gives").select_option("input q")
    expect(page.locator(".run-state")).to_contain_text("48 samples")


def test_codes_are_taken_for_kinds_where_the_reader_says_so(page: Page) -> None:
    write(page, NETWORK)
    give(page, "codes.csv", CSV)
    misfit, state = page.locator(".misfit"), page.locator(".run-state")
    expect(misfit).to_contain_text("3 columns give the input x")
    panel(page).get_by_role("combobox", name="What v gives").select_option("nothing")
    expect(state).to_contain_text("48 samples")
    chosen = panel(page).get_by_role("combobox", name="What w gives")
    chosen.select_option("input x (3 kinds)")
    expect(misfit).to_contain_text("4 numbers with one for each of the 3 values of w")
    misfit.get_by_role("button", name="Take one that fits: mlp:4-").click()
    expect(state).to_contain_text("Ready: 48 samples")
    row = page.locator(".columns tbody tr", has=page.get_by_role("rowheader", name="w"))
    expect(row).to_contain_text("x[2] … x[4]0, 1, 2")
    expect(page.locator(".run-notes")).to_contain_text(
        "Input x: column w one-hot, numbers 2 to 4 of x for 0, 1, 2."
    )
    chosen.select_option("input x")
    expect(misfit).to_contain_text("2 columns give the input x, which takes 4 numbers")
    # kind holds words: these are no numbers that could stand for kinds
    options = panel(page).get_by_role("combobox", name="What kind gives").locator("option")
    expect(options).to_have_text(["nothing", "input x (2 words)", "target y"])
    write(page, NETWORK)
    expect(misfit).to_be_hidden()


GAPS = "weight;colour;length;kind\n" + "".join(
    f"{k % 7},5;{('red', 'green', 'blue')[k % 3]};{k % 5 if k % 10 else ''};{'ny'[k % 7 > 3]}\n"
    for k in range(60)
)


def test_rows_that_lack_a_value_are_left_out_where_the_reader_says_so(page: Page) -> None:
    write(page, NETWORK)
    give(page, "gaps.csv", GAPS)
    misfit, said = page.locator(".misfit"), page.locator(".run-state")
    expect(misfit).to_have_text("6 of 60 rows lack a value: 6 in length.Leave these rows out")
    misfit.get_by_role("button", name="Leave these rows out").click()
    expect(said).to_contain_text("Ready: 43 samples")
    box = panel(page).get_by_role("checkbox", name="Leave out the 6 rows that lack a value")
    expect(box).to_be_checked()
    notes = page.locator(".run-notes li")
    expect(notes.nth(0)).to_have_text(
        "Decimal commas, or spaces between thousands, in column weight."
    )
    expect(notes.nth(1)).to_contain_text(
        "6 of 60 rows, which lack a value: 6 in column length (lines 2, 12, 22, 32, 42, 52)."
    )
    box.uncheck()
    expect(page.locator(".transport .play")).to_be_disabled()
    box.check()


def test_words_are_an_input_and_a_network_that_takes_them_is_offered(page: Page) -> None:
    panel(page).get_by_text("Columns: kind learned from 2 others").click()
    panel(page).get_by_role("combobox", name="What colour gives").select_option("input x (3 words)")
    misfit = page.locator(".misfit")
    expect(misfit).to_contain_text("5 numbers with one for each of the 3 words of colour")
    misfit.get_by_role("button", name="Take one that fits: mlp:5-").click()
    expect(page.locator(".run-state")).to_contain_text("Ready: 43 samples")
    expect(page.locator(".columns tbody tr", has_text="colour")).to_contain_text(
        "x[2] … x[4]blue, green, red"
    )
    expect(page.locator(".run-notes li").nth(3)).to_have_text(
        "Input x: column colour one-hot, numbers 2 to 4 of x for blue, green, red."
    )
    panel(page).get_by_role("button", name="One epoch").click()
    expect(page.locator(".readouts .epoch dd")).to_have_text("2")
    # a network with room for the words takes them without being asked
    give(page, "again.csv", GAPS.replace(";;", ";9;"))
    expect(page.locator(".columns summary")).to_have_text("Columns: kind learned from 3 others")
    expect(page.locator(".run-state")).to_contain_text("48 samples")


TWO_CLASSES = "u,v,first,second\n" + "".join(
    f"{k % 7},{(k * k) % 5},{'ab'[k % 7 > 3]},{'pqr'[k % 3]}\n" for k in range(60)
)


def test_a_network_is_offered_only_where_it_fits(page: Page) -> None:
    write(page, NETWORK)
    give(page, "two.csv", TWO_CLASSES)
    misfit = page.locator(".misfit")
    # the last column alone is learned
    expect(misfit).to_contain_text("has 3 labels, which take as many outputs")
    expect(misfit.get_by_role("button")).to_contain_text("mlp:2-8-8-3,tanh,cross_entropy")
    panel(page).get_by_role("combobox", name="What first gives").select_option("target y")
    expect(misfit).to_contain_text("2 columns give the target y")
    expect(misfit.get_by_role("button")).to_have_count(0)
    # two targets of one number each: the offered one learns the last column
    write(
        page,
        "input p[3]\ntarget s, t\nweight a[3]\nz = sigmoid(sum(i: a[i]*p[i]))\n"
        "loss J = (s - z)^2 + (t - z)^2",
    )
    panel(page).get_by_role("button", name="As usual").click()
    misfit.get_by_role("button", name="Take one that fits").click()
    expect(page.locator(".run-state")).to_contain_text("48 samples")
    give(page, "same.csv", "a,b,c\n" + "".join(f"{k},{k % 2},same\n" for k in range(20)))
    expect(page.locator(".columns summary")).to_contain_text("Columns: b learned from 1 other")
    panel(page).get_by_role("combobox", name="What b gives").select_option("input x")
    panel(page).get_by_role("combobox", name="What c gives").select_option("target y")
    expect(misfit).to_contain_text("The column c says the same in every row")
    expect(misfit.get_by_role("button")).to_have_count(0)


def test_without_names_the_columns_are_numbered(page: Page) -> None:
    give(page, "bare.csv", "\n".join(f"{k},{k % 5},{k % 2}" for k in range(40)))
    expect(page.locator(".own-data [role=status]")).to_have_text("bare.csv: 40 rows, 3 columns.")
    expect(page.locator(".columns summary")).to_contain_text("c3 learned from 2 others")
    expect(page.locator(".run-state")).to_contain_text("32 samples")


def test_clipping_is_offered_where_it_may_help(page: Page) -> None:
    write(page, "mlp:2-4-1,relu/linear,squared_error")
    large = "".join(f"{k % 7},{k % 5},{1e6 * (k % 11)}\n" for k in range(60))
    panel(page).get_by_role("combobox", name="Data").select_option("own")
    give(page, "large.csv", "a,b,value\n" + large)
    panel(page).get_by_role("combobox", name="Optimizer").select_option("sgd")
    panel(page).get_by_role("textbox", name="Learning rate").fill("0,1")
    page.locator(".transport .play").click()
    ending = page.locator(".ending")
    expect(ending).to_contain_text("clip the gradients")
    ending.get_by_role("button", name="Start over with clipped gradients").click()
    expect(panel(page).get_by_role("combobox", name="Clip gradients")).to_have_value("norm")
    expect(page.locator(".readouts .epoch dd")).to_have_text(re.compile(r"^\d{2,}|\d,"))
    expect(ending).to_be_hidden()
    panel(page).get_by_role("combobox", name="Clip gradients").select_option("never")
    page.locator(".transport .play").click()


def test_many_weights_are_followed_and_kept(page: Page) -> None:
    write(page, "mlp:2-80-70-1,tanh,binary_cross_entropy")
    panel(page).get_by_role("combobox", name="Data").select_option("gaussians")
    panel(page).get_by_role("combobox", name="Optimizer").select_option("adam")
    said, play = page.locator(".run-state"), page.locator(".transport .play")
    expect(said).to_contain_text("Its many weights follow once a second.")
    play.click()
    seen = page.evaluate(
        f"() => {STORE} new Promise((done) => {{ const seen = new Set();"
        " const stop = store.on('training', ({ training }) => {"
        "   if (training?.playing) seen.add(training.parameters.w2[69][79]);"
        "   if (seen.size === 2) { stop(); done(seen.size); } }); }))"
    )
    assert seen == 2
    play.click()
    expect(said).to_contain_text("Resting")
    page.evaluate(
        f"() => {STORE} new Promise((done) => {{ const look = () => {{"
        "   const { training, values, numbers } = store.get();"
        "   const kept = values.w2?.[69][79];"
        "   if (!training && kept !== undefined && numbers?.given.w2[69][79] === kept) done(); };"
        " store.on('*', look); look(); }))"
    )


def reload_with_late_learning(page: Page) -> None:
    """The panel's module comes when all else is at rest, as on a slow connection."""
    held: list[Route] = []
    page.route("**/learning.js", lambda route: held.append(route))  # Playwright takes no built-in
    page.reload(wait_until="commit")
    page.locator("#tab-learning").click()
    page.evaluate(
        f"() => {STORE} new Promise((done) => {{"
        " const look = () => { if (store.get().numbers) done(); };"
        " store.on('numbers', look); look(); }))"
    )
    for route in held:
        route.continue_()
    page.unroute("**/learning.js")


@pytest.mark.parametrize("late", [False, True])
def test_a_reload_in_a_run_keeps_its_weights_and_says_so(page: Page, late: bool) -> None:
    if late:
        reload_with_late_learning(page)
    write(page, NETWORK)
    panel(page).get_by_role("combobox", name="Data").select_option("gaussians")
    said, play = page.locator(".run-state"), page.locator(".transport .play")
    expect(said).to_contain_text("Ready: 320 samples")
    before = state(page, "values.w1")
    play.click()
    page.evaluate(
        f"() => {STORE} new Promise((done) => {{ const look = ({{ training }}) => {{"
        "   if (training?.playing && training.epoch > 2) done(); };"
        " store.on('training', look); }))"
    )
    # the last that this page has of its run, read after the run has ended
    page.evaluate(
        f"() => {STORE} addEventListener('pagehide', () => {{"
        " const { left, values } = store.get();"
        " sessionStorage.setItem('seen', JSON.stringify([left.epoch, values.w1])); }))"
    )
    page.reload()
    ended = page.locator("#status")
    expect(ended).to_contain_text("The run ended as the page was left, at epoch ")
    epoch, learned = page.evaluate("() => JSON.parse(sessionStorage.getItem('seen'))")
    expect(ended).to_contain_text(f"at epoch {epoch:,}; its weights are kept.")
    assert epoch > 2
    assert state(page, "values.w1") == learned != before
    panel(page).get_by_role("combobox", name="Data").select_option("gaussians")
    expect(said).to_contain_text("Ready: 320 samples")
    page.reload()  # at rest: nothing has ended
    page.evaluate(
        f"() => {STORE} new Promise((done) => {{"
        " const look = () => { if (store.get().network) done(); };"
        " store.on('network', look); look(); }))"
    )
    assert state(page, "values.w1") == learned
    expect(ended).to_be_empty()
