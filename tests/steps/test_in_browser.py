"""The page of a run in a browser: `pytest -m browser -n 0 tests/steps`, with Chromium or Chrome."""

import re

import numpy as np
import pytest

import minivit as mv
from minivit.course.exercises import EXERCISES
from minivit.course.stub import solved_source
from minivit.course.with_ops import in_place_of_ours, load_as_it_is
from minivit.steps import step, step_op
from minivit.steps.field import receptive_field
from minivit.train.augment import normalize

pytestmark = pytest.mark.browser

MODEL = {"depth": 2, "embed_dim": 12, "num_heads": 3, "mlp_ratio": 2.0, "img_size": 16, "patch_size": 4}
NAMES = ("cat", "dog", "<b>bird</b>")
MEAN, STD = (0.5, 0.4, 0.3), (0.25, 0.2, 0.3)


def trained_enough(**options):
    """A model of which no parameter is 0 or 1."""
    model = mv.models.ViT(**{**MODEL, "num_classes": len(NAMES), **options})
    rng = np.random.default_rng(3)
    for param in model.params:
        param.value = (rng.standard_normal(param.shape) / 3 + (param.shape == (12,))).astype(np.float32)
    return model


def pixels(channels=3):
    return np.random.default_rng(4).integers(0, 256, (16, 16, channels), np.uint8)


def as_input(batch):
    channels = batch.shape[-1]
    return normalize(batch, (*MEAN, 0.6)[:channels], (*STD, 0.35)[:channels])


@pytest.fixture
def opened(browser, tmp_path):
    """Opens the page of a run; at the end nothing was complained of, and nothing asked for."""
    complaints, requests = [], []
    tab = browser.new_page(viewport={"width": 1280, "height": 720})
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("request", lambda request: requests.append(request.url))

    def open_it(run, hash=""):
        path = tmp_path / "step.html"
        run.save(path)
        tab.goto(path.as_uri() + hash)
        tab.wait_for_selector("body[data-ready]")
        return tab

    yield open_it
    assert complaints == []
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
    tab.close()


def go(tab, name):
    tab.evaluate("name => { location.hash = name }", name)
    tab.wait_for_selector(f'main[data-shown="{name}"]')


def press(tab, key, shown):
    tab.keyboard.press(key)
    tab.wait_for_selector(f'main[data-shown="{shown}"]')


@pytest.fixture
def shapes_page(opened):
    model = trained_enough()
    return opened(step(model, pixels(), 1, normalize=as_input, class_names=NAMES))


def test_keys_go_through_steps_and_levels(shapes_page):
    tab = shapes_page
    tab.wait_for_selector('main[data-shown="patch_embed/patchify/forward"]')
    press(tab, "ArrowRight", "patch_embed.proj/linear/forward")
    press(tab, "ArrowLeft", "patch_embed/patchify/forward")
    press(tab, "ArrowUp", "patch_embed/patchify/forward")  # this layer has no layers but one inside
    press(tab, "ArrowUp", "patch_embed/forward")
    for name in ("prepend_token/forward", "add_positions/forward", "blocks.0/forward"):
        press(tab, "ArrowRight", name)
    press(tab, "b", "blocks.0/backward")
    press(tab, "f", "blocks.0/forward")
    press(tab, "ArrowDown", "blocks.0.norm1/forward")
    press(tab, "ArrowRight", "blocks.0.attn/forward")
    press(tab, "ArrowDown", "blocks.0.attn.qkv/linear/forward")
    press(tab, "ArrowDown", "blocks.0.attn.qkv/linear/forward")
    press(tab, "ArrowRight", "blocks.0.attn/split_heads/forward")
    for name in ("multi_head_attention", "attention", "softmax", "merge_heads"):
        press(tab, "ArrowRight", f"blocks.0.attn/{name}/forward")
    press(tab, "ArrowUp", "blocks.0.attn/multi_head_attention/forward")
    for key, words in (("?", "Keys"), ("/", "Search"), ("w", "What if?"), ("r", "What it sees")):
        tab.keyboard.press(key)
        assert tab.inner_text("dialog h2") == words
        tab.keyboard.press("Escape")
        assert not tab.is_visible("dialog")


def test_a_key_right_after_a_dialog_is_not_lost(shapes_page):
    tab = shapes_page
    tab.keyboard.press("/")
    tab.evaluate(
        """() => {  // at once: only when the page is drawn again does the closed dialog lose the focus
            const dialog = document.querySelector("dialog"), input = dialog.querySelector("input");
            dialog.close();
            input.dispatchEvent(new KeyboardEvent("keydown", {key: "w", bubbles: true}));
        }"""
    )
    assert tab.inner_text("dialog h2") == "What if?"


def test_a_search_that_finds_nothing_says_so(shapes_page):
    tab = shapes_page
    tab.keyboard.press("/")
    tab.fill("dialog input", "attention_backward")
    assert tab.inner_text("dialog li").startswith("No step has all of these words in its name")
    tab.fill("dialog input", "attention backward")
    assert "blocks.0.attn/attention/backward" in tab.locator("dialog li").all_inner_texts()


def test_every_step_can_be_shown(shapes_page):
    tab = shapes_page
    for name in tab.evaluate("run.calls.map(call => call.name)"):
        go(tab, name)
        assert tab.inner_text("h1")


def test_links_and_search_find_steps(opened):
    tab = opened(step(trained_enough(), pixels(), 1, normalize=as_input), "#blocks.1.attn/backward")
    assert tab.get_attribute("main", "data-shown") == "blocks.1.attn/backward"
    tab.keyboard.press("/")
    tab.keyboard.type("blocks.0 softmax back")
    tab.keyboard.press("Enter")
    tab.wait_for_selector('main[data-shown="blocks.0.attn/softmax/backward"]')
    assert tab.evaluate("location.hash") == "#blocks.0.attn/softmax/backward"
    assert not tab.is_visible("dialog")


def test_a_link_to_a_step_that_is_not_there_says_so(opened):
    tab = opened(step(trained_enough(), pixels(), 1, normalize=as_input), "#blocks.9.attn/backward")
    first = "patch_embed/patchify/forward"
    said = "This page has no step of the name blocks.9.attn/backward; this is patch_embed · patchify, forward."
    assert tab.get_attribute("main", "data-shown") == first
    assert tab.inner_text("[role=alert]") == said
    press(tab, "ArrowRight", "patch_embed.proj/linear/forward")
    assert tab.locator("[role=alert]").count() == 0
    tab.evaluate("location.hash = '<b>nothing</b>'")
    tab.wait_for_selector("[role=alert]")
    assert "of the name <b>nothing</b>; this is patch_embed.proj · linear, forward" in tab.inner_text("[role=alert]")
    assert tab.get_attribute("main", "data-shown") == "patch_embed.proj/linear/forward"


def test_numbers_under_the_pointer_are_those_of_numpy(shapes_page):
    tab, model = shapes_page, trained_enough()
    _, cache = model.forward(as_input(pixels()[None]))
    q = cache.blocks[1].attn.attention.q
    go(tab, "blocks.1.attn/attention/forward")
    canvas = tab.locator('canvas[data-array="q"]')
    box = canvas.bounding_box()
    _, H, N, K = q.shape
    for n, k in ((0, 0), (7, 2), (N - 1, K - 1)):
        canvas.hover(position={"x": (k + 0.5) * box["width"] / K, "y": (n + 0.5) * box["height"] / N})
        said = tab.locator("figure", has=canvas).locator("output").inner_text()
        name, _, number = said.partition(" = ")
        assert name == f"q[0, 0, {n}, {k}]"
        assert float(number) == float(f"{q[0, 0, n, k]:.4g}")
    slider = tab.locator("figure", has=canvas).locator("input")
    slider.fill(str(H - 1))
    canvas.focus()
    for key in ("ArrowLeft", "ArrowUp"):
        tab.keyboard.press(key)
    said = tab.locator("figure", has=canvas).locator("output").inner_text()
    assert said == f"q[0, {H - 1}, {N - 2}, {K - 2}] = {said.rpartition(' ')[2]}"
    assert float(said.rpartition(" ")[2]) == float(f"{q[0, H - 1, N - 2, K - 2]:.4g}")
    assert tab.get_attribute("main", "data-shown") == "blocks.1.attn/attention/forward"  # arrows stayed in the array


def test_a_line_lights_up_what_it_undoes(shapes_page):
    go(shapes_page, "blocks.1.norm1/layer_norm/backward")
    shapes_page.hover("text=dbeta = column_sum(dy)")
    lit = shapes_page.locator(".lit")
    assert lit.all_inner_texts() == ["    y += beta\n"] or "y += beta" in lit.inner_text()
    shapes_page.hover("h1")
    assert lit.count() == 0


def test_what_made_a_number_is_said(shapes_page):
    go(shapes_page, "blocks.1.mlp.fc1/linear/backward")
    shapes_page.click('canvas[data-array="dx"]')
    assert "what made dx[" in shapes_page.inner_text(".because h2")
    assert shapes_page.locator(".because canvas").count() >= 1


def test_it_is_said_whether_parts_or_slopes_are_drawn(shapes_page):
    tab = shapes_page

    def drawn(name, array):
        go(tab, name)
        tab.click(f'canvas[data-array="{array}"]')
        scales = tab.locator(".because .scale").all_inner_texts()
        return (
            tab.inner_text(".because .shape >> nth=0"),
            tab.locator(".because figcaption b").all_inner_texts(),
            scales,
        )

    words, titles, scales = drawn("blocks.0.attn/attention/forward", "y")
    at = tab.inner_text(".because h2").removeprefix("what made ")
    assert f"Lit up in v: the part of each number in {at}, which is the number times its rate." in words
    assert f"Lit up in q and k: a slope, how much {at} moves per unit" in words
    assert titles == ["part of v", "∂y/∂q", "∂y/∂k"]
    assert [scale.rpartition("; ")[2] for scale in scales] == [f"part of {at}", f"slope of {at}", f"slope of {at}"]
    words, titles, _ = drawn("blocks.0.mlp.fc1/linear/forward", "y")
    assert "slope" not in words
    assert titles == ["part of x", "part of weight", "part of bias"]
    words, titles, _ = drawn("blocks.0.mlp.fc1/linear/backward", "dx")
    assert re.fullmatch(r"Lit up in dy: the part of each number in dx\[.*\]; they add up to it\.", words)
    assert titles == ["part of dy"]


NOT_BLANK = """[...document.querySelectorAll(".because canvas")].map(
    it => new Set(it.getContext("2d").getImageData(0, 0, it.width, it.height).data).size > 1)"""


def test_maps_of_what_made_a_number_open_where_something_is(shapes_page):
    """Of the second head, or of the last patch: not in the first slice, which would be empty."""
    tab = shapes_page
    go(tab, "blocks.0.attn/attention/backward")
    tab.locator('.outputs input[aria-label^="H of dq"]').fill("1")
    tab.click('canvas[data-array="dq"]', position={"x": 30, "y": 30})
    assert all(tab.evaluate(NOT_BLANK))
    assert "what made dq[0, 1, " in tab.inner_text(".because h2")
    go(tab, "patch_embed/patchify/forward")
    tab.click('canvas[data-array="y"]', position={"x": 5, "y": 20})
    assert tab.evaluate(NOT_BLANK) == [True]


def test_what_moved_a_weight_is_said(shapes_page):
    tab = shapes_page
    go(tab, "head.weight/update")
    said = {}
    for name in ("new value", "new m", "new v"):
        tab.locator(f'canvas[data-array="{name}"]').click(position={"x": 20, "y": 20})
        said[name] = tab.inner_text(".because p")
        bottom = tab.evaluate("document.querySelector('.because').getBoundingClientRect().bottom")
        assert bottom < tab.viewport_size["height"] + 1  # type: ignore[index]  # a part of a pixel is rounded
    before, less, by_adam = map(float, re.findall(r"(?:value|less) (-?[\d.e-]+)", said["new value"]))
    after = float(re.search(r"= (-?[\d.e-]+):", said["new value"])[1])  # type: ignore[index]
    np.testing.assert_allclose(after, before - less - by_adam, rtol=1e-3)
    np.testing.assert_allclose(abs(by_adam), 1e-3, rtol=1e-3)  # the first step of Adam is by the sign
    assert ": 0.9000 × m + 0.1000 × grad, where m = 0, grad = " in said["new m"]
    assert ": 0.9990 × v + 0.001000 × grad², where v = 0, grad = " in said["new v"]


def test_an_update_shows_the_formulas_and_the_source_of_both_rules(shapes_page):
    """AdamW's own are a line: most of it is a step of Adam."""
    tab = shapes_page
    go(tab, "head.weight/update")
    assert tab.locator(".top h2").all_inner_texts() == ["adam_update, which it calls"]
    assert tab.locator('.doc math[display="block"]').count() == 2
    assert "return adam_update(value * (1 - lr * weight_decay)" in tab.inner_text(".source .code >> nth=0")
    assert "v = beta2 * v + (1 - beta2) * (grad * grad)" in tab.inner_text(".source .code >> nth=1")


CHANGES = [
    {},
    {"block": 1, "head": 2, "temperature": 4.0, "off": False},
    {"block": 0, "head": 1, "temperature": 0.25, "off": False},
    {"block": 1, "head": 0, "temperature": 1.0, "off": True},
]


def changed(model, change):
    """The model with the queries of a head divided, or its values taken away, which is the same."""
    if change:
        qkv, D = model.blocks[change["block"]].attn.qkv, model.config["embed_dim"]
        K = D // model.config["num_heads"]
        head = slice(change["head"] * K, change["head"] * K + K)
        values = slice(2 * D + head.start, 2 * D + head.stop)
        for param in qkv.params:
            new = param.value.copy()
            new[..., head] /= change["temperature"]
            new[..., values] *= not change["off"]
            param.value = new
    return model


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"class_token": False, "global_pool": "avg", "fc_norm": False},
        {"act_layer": "gelu_tanh", "qkv_bias": True, "norm_eps": 1e-2},
        {"act_layer": "quick_gelu"},
        {"act_layer": "relu", "patch_size": (4, 8)},
        {"num_heads": 1, "qkv_bias": False, "in_chans": 1, "num_classes": 1, "fc_norm": True},
        {"in_chans": 4, "class_token": True, "global_pool": "avg"},
        {"embed_dim": 150, "patch_size": 8},  # weights of which the page shows a corner alone
    ],
)
def test_what_if_agrees_with_python(opened, options):
    channels, heads = options.get("in_chans", 3), options.get("num_heads", MODEL["num_heads"])
    tab = opened(step(trained_enough(**options), pixels(channels), 0, normalize=as_input))
    grey = pixels(channels)
    P, Q = trained_enough(**options).patch_embed.patch_size
    for n in (1, 3):
        row, column = divmod(n, 16 // Q)
        grey[row * P : row * P + P, column * Q : column * Q + Q] = 128
    for change in [change and {**change, "head": change["head"] % heads} for change in CHANGES]:
        found = tab.evaluate(
            "async change => whatIf(await modelOf(run.what_if), {...change, grey: new Set([1, 3])})", change
        )
        logits, _ = changed(trained_enough(**options), change).forward(as_input(grey[None]))
        expected, _ = mv.ops.softmax_forward(logits)
        np.testing.assert_allclose(found, expected[0], rtol=0, atol=1e-5)


def test_sliders_of_what_if(shapes_page):
    tab = shapes_page
    tab.keyboard.press("w")
    tab.wait_for_selector("dialog .bar")
    before = tab.locator("dialog .number").all_inner_texts()
    tab.locator("#temperature").fill("1.5")
    tab.locator("#temperature").dispatch_event("input")
    after = tab.locator("dialog .number").all_inner_texts()
    assert before != after
    tab.locator("#temperature").fill("0")
    tab.locator("#temperature").dispatch_event("input")
    assert tab.locator("dialog .number").all_inner_texts() == before
    tab.click("dialog canvas", position={"x": 3, "y": 3})
    assert tab.locator("dialog .number").all_inner_texts() != before
    assert "<b>bird</b>" in tab.inner_text("dialog .bars")  # text, not markup


def test_models_that_a_page_cannot_compute_say_so(opened):
    model = trained_enough(reg_tokens=2)
    tab = opened(step(model, pixels(), 1, normalize=as_input))
    tab.keyboard.press("w")
    assert "this one has reg_tokens" in tab.inner_text("dialog")


def test_what_each_token_sees(shapes_page):
    shapes_page.keyboard.press("r")
    shapes_page.wait_for_selector("dialog canvas")
    assert shapes_page.locator("dialog canvas").count() == 2


def test_what_a_token_sees_is_said_in_numbers(opened):
    """Behind one block of windows it is its own window; behind the next one, which is shifted, all that it meets."""
    options = {"depths": (2,), "embed_dim": 8, "num_heads": (2,), "window_size": 4, "patch_size": 2}
    model = mv.models.Swin(img_size=16, num_classes=3, **options)
    image = np.random.default_rng(0).standard_normal((16, 16, 3)).astype(np.float32)
    tab = opened(step(model, image, 1, backward=False))
    tab.keyboard.press("r")
    tab.wait_for_selector("dialog[data-shown]")
    field = receptive_field(model, image[None])["blocks"]
    for token in (0, 27):
        tab.locator("dialog input").fill(str(token))
        shares = {name: field[f"layers.0.blocks.{name}"][token] for name in (0, 1)}
        reached = {name: int((share >= 0.01 * share.max()).sum()) for name, share in shares.items()}
        assert 0 < reached[0] <= 16
        assert (reached[1] > 16) == (token > 0)  # the corner has no neighbours
        said = ", ".join(f"by {count} of 64 patches after layers.0.blocks.{name}" for name, count in reached.items())
        assert tab.inner_text("dialog [aria-live]") == f"The place of patch {token} is reached {said}."
        assert tab.locator("dialog figure p").all_inner_texts() == [f"{n} of 64 patches" for n in reached.values()]


def test_what_a_map_sees_is_said_where_there_are_no_patches(opened):
    model = mv.models.ResNet(img_size=16, num_classes=3, layers=(1, 1), channels=(4, 8), stem="3x3", stem_chans=4)
    tab = opened(step(model, pixels(), 1, normalize=as_input, backward=False))
    tab.keyboard.press("r")
    tab.wait_for_selector("dialog[data-shown]")
    assert "Each of 8 × 8 squares was changed" in tab.inner_text("dialog")
    tab.locator("dialog input").fill("27")
    said = tab.inner_text("dialog [aria-live]")
    assert re.fullmatch(
        r"The middle of square 27 is reached by \d+ of 64 squares after .+, by \d+ .+ layer2\.0\.", said
    )


def test_an_op_alone_is_a_page(opened):
    q, k, v = np.random.default_rng(0).standard_normal((3, 2, 5, 4))
    tab = opened(step_op("attention", q, k, v))
    press(tab, "ArrowRight", "attention/backward")


def test_arrays_are_unpacked_while_the_reader_looks(opened):
    tab = opened(step(trained_enough(), pixels(), 1, normalize=as_input))
    tab.wait_for_function("arrays.size === run.arrays.length")


def test_tokens_in_front_are_no_patches_of_a_strip(opened):
    model = trained_enough(img_size=(4, 64), depth=1)
    image = np.random.default_rng(0).standard_normal((4, 64, 3)).astype(np.float32)
    tab = opened(step(model, image, 1, backward=False), "#blocks.0.attn/attention/forward")
    assert tab.evaluate("gridOf(17)") == {"extra": 1, "grid": [1, 16]}


def test_where_four_digits_do_not_suffice_the_page_says_so(opened):
    tab = opened(step_op("linear", np.ones((2, 3)), np.ones((3, 4))))
    said = tab.evaluate("""() => {
        const made = (parts, number) => sumInDigits({of: {dy: {flat: parts}}}, number);
        return [made([1, 2], 3), made([1, -0.9999], 2e-4), made([1, -1], 0), made([], 0)];
    }""")
    assert said[0] == said[2] == said[3] == "; they add up to it"
    assert said[1].startswith("; of numbers with four digits they add up to 1.000e-4")


@pytest.mark.parametrize(("name", "slope"), [("sigmoid", 6.144e-06), ("tanh", 1.51e-10)])
def test_slopes_near_the_end_have_their_digits(opened, name, slope):
    x = np.tile(np.linspace(-12, 12, 40), (40, 1))  # more than the page keeps as float32
    tab = opened(step_op(name, x), f"#{name}/forward")
    found = tab.evaluate(
        """async name => {
            const {slopes, of} = whatMade(name, "forward", await arraysOf(run.calls[0]), {}, "y", [0, 39]);
            return [slopes, of.x.at([0, 39])];
        }""",
        name,
    )
    assert found[0] == ["x"]
    np.testing.assert_allclose(found[1], slope, rtol=1e-3)


def test_the_slope_at_the_peak_of_a_softmax_has_its_digits(opened):
    peaked = np.random.default_rng(0).standard_normal((40, 40))
    peaked[:, 3] += 12
    y, _ = mv.ops.softmax_forward(peaked)
    tab = opened(step_op("softmax", peaked), "#softmax/forward")
    slope = tab.evaluate(
        """async () => whatMade("softmax", "forward", await arraysOf(run.calls[0]), {}, "y", [0, 3]).of.x.at([0, 3])"""
    )
    np.testing.assert_allclose(slope, y[0, 3] * (1 - y[0, 3]), rtol=1e-3)


def test_the_slope_at_the_peak_of_a_log_softmax_has_its_digits(opened):
    peaked = np.random.default_rng(0).standard_normal((40, 40))
    peaked[:, 3] += 12
    y, _ = mv.ops.log_softmax_forward(peaked)
    tab = opened(step_op("log_softmax", peaked), "#log_softmax/forward")
    slope = tab.evaluate("""async () => {
        const {of} = whatMade("log_softmax", "forward", await arraysOf(run.calls[0]), {}, "y", [0, 3]);
        return of.x.at([0, 3]);
    }""")
    np.testing.assert_allclose(slope, -np.expm1(y[0, 3]), rtol=1e-3)


def test_attention_to_values_that_are_nearly_alike_has_its_slopes(opened):
    rng = np.random.default_rng(0)
    q, k = rng.standard_normal((2, 40, 30))
    v, dy = 1000 + rng.standard_normal((40, 30)), rng.standard_normal((40, 30))
    _, cache = mv.ops.attention_forward(q, k, v)
    expected = mv.ops.attention_backward(dy, cache).k
    tab = opened(step_op("attention", q, k, v, dy=dy), "#attention/backward")
    found = tab.evaluate(
        """async () => {
            const n = run.calls.findIndex(call => call.way === "backward" && call.label === "attention");
            const arrays = await arraysOf(run.calls[n]), options = {scale: `${30 ** -0.5}`};
            const {of} = whatMade("attention", "backward", arrays, options, "dk", [0, 0]);
            return sumOf(of.dy.flat);
        }"""
    )
    np.testing.assert_allclose(found, expected[0, 0], atol=0.1 * np.abs(expected).max())


def test_a_kernel_is_looked_at_as_an_image(opened):
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((3, 5, 2, 4))
    tab = opened(step_op("conv2d", rng.standard_normal((1, 6, 7, 2)), weight), "#conv2d/forward")
    canvas = tab.locator('canvas[data-array="weight"]')
    assert canvas.evaluate("canvas => [canvas.width, canvas.height]") == [5, 3]
    figure = tab.locator("figure", has=canvas)
    assert [label.split(" =")[0] for label in figure.locator("label").all_inner_texts()] == ["CG", "O"]
    figure.get_by_label("O of weight").fill("3")
    canvas.focus()
    tab.keyboard.press("ArrowRight")
    assert figure.locator("output").inner_text() == f"weight[0, 1, 0, 3] = {weight[0, 1, 0, 3]:.4g}".replace("-", "−")


ODD = {
    "an op that does nothing": lambda: step_op("dropout", np.ones((2, 3)), rate=0.5),
    "complex numbers": lambda: step_op("rfft", np.random.default_rng(0).standard_normal((2, 9))),
    "a loss alone": lambda: step_op("cross_entropy", np.eye(3), np.arange(3)),
    "one number": lambda: step_op("gelu", np.ones(1)),
    "nothing": lambda: step_op("gelu", np.ones((2, 0, 3))),
    "a long row": lambda: step_op("gelu", np.linspace(-3, 3, 2**16)),
    "no blocks": lambda: step(trained_enough(depth=0), pixels(), 1, normalize=as_input),
    "no classes": lambda: step(trained_enough(num_classes=0), pixels(), normalize=as_input),
    "long names": lambda: step(trained_enough(), pixels(), 1, normalize=as_input, class_names=["x" * 1000] * 3),
}


@pytest.mark.parametrize("odd", ODD)
def test_odd_runs_are_pages_with_all_their_dialogs(opened, odd):
    tab = opened(ODD[odd](), "#%")
    for name in tab.evaluate("run.calls.map(call => call.name)"):
        go(tab, name)
        assert tab.evaluate("document.querySelector('main').scrollWidth <= document.querySelector('main').clientWidth")
        for canvas in tab.locator("canvas[data-array]:visible").all():
            canvas.focus()
            tab.keyboard.press("Enter")
    for key in "wr?/":
        tab.keyboard.press(key)
        tab.wait_for_timeout(100)
        tab.keyboard.press("Escape")


def test_the_line_that_ended_a_run_is_marked(opened, tmp_path):
    text = solved_source(EXERCISES["softmax"]).replace(
        "    return InputGrad(", "    dy = dy / [][0]\n    return InputGrad("
    )
    (tmp_path / "solution.py").write_text(text, encoding="utf-8")
    with in_place_of_ours([load_as_it_is(tmp_path)]):
        tab = opened(step(trained_enough(), pixels(), 1, normalize=as_input))
    line = text.split("\n").index("    dy = dy / [][0]") + 1
    said = f"IndexError: list index out of range (solution.py, line {line}, in softmax_backward: dy = dy / [][0])"
    assert f"This run did not come to its end: {said}" in tab.inner_text(".error")
    tab.click(".error a")
    tab.wait_for_selector('main[data-shown="blocks.1.attn/softmax/backward"]')
    assert tab.inner_text(".error") == f"It ends here: {said}"
    assert tab.locator(".raised").all_inner_texts() == ["    dy = dy / [][0]  ← raised here\n"]


def test_links_lead_through_the_page_in_a_notebook(browser, tmp_path):
    path = tmp_path / "notebook.html"
    path.write_text(step(trained_enough(), pixels(), 1, normalize=as_input)._repr_html_(), encoding="utf-8")
    tab = browser.new_page()
    tab.goto(path.as_uri())
    page = tab.frames[1]
    page.wait_for_selector("body[data-ready]")
    for name in ("blocks.1/backward", "blocks.1.attn/forward"):
        page.click(f'nav a[href="#{name}"]')
        page.wait_for_selector(f'main[data-shown="{name}"]', timeout=3000)
    tab.close()


def test_the_focus_stays_where_it_was(shapes_page):
    tab, here = shapes_page, "document.activeElement"
    tab.focus('nav a[href="#blocks.1/backward"]')
    press(tab, "Enter", "blocks.1/backward")
    assert tab.evaluate(f"{here}.getAttribute('href')") == "#blocks.1/backward"
    tab.focus("main canvas")
    press(tab, "f", "blocks.1/forward")
    assert tab.evaluate(f"{here}.id") == "step"
    tab.keyboard.press("w")
    tab.wait_for_selector("dialog[data-shown]")
    assert tab.get_attribute("dialog", "aria-label") == "What if?"
    assert tab.evaluate(f"{here}.tagName") == "CANVAS"


def test_patches_are_chosen_by_keys(shapes_page):
    tab = shapes_page
    tab.keyboard.press("w")
    tab.wait_for_selector("dialog .bar")
    before = tab.locator("dialog .number").all_inner_texts()
    for key in ("ArrowRight", "ArrowDown"):
        tab.keyboard.press(key)
    assert tab.inner_text("dialog output.reading") == "patch 5"
    assert tab.locator("dialog .number").all_inner_texts() == before
    tab.keyboard.press("Enter")
    tab.wait_for_function("document.querySelector('dialog output.reading').textContent === 'patch 5, grey'")
    assert tab.locator("dialog .number").all_inner_texts() != before
    tab.keyboard.press("Escape")
    go(tab, "blocks.0.attn/attention/forward")
    tab.focus(".pictures canvas")
    tab.keyboard.press("ArrowDown")
    assert "the query of patch 4 looks" in tab.inner_text(".pictures")
    assert tab.get_attribute("main", "data-shown") == "blocks.0.attn/attention/forward"


SEEN = """async ([name, head]) => {
    const call = run.calls.find(each => each.name === name), seen = seenIn(call, await arraysOf(call));
    return Array.from({length: seen.grid[0] * seen.grid[1]}, (_, patch) => {
        const place = seen.query(patch), {weights} = seen;
        const [window, n] = place.length === 2 ? place : [null, place[0]], index = [0, window, head, n];
        const at = s => weights.at([...index.filter(it => it !== null), s]);
        const row = Array.from({length: weights.shape.at(-1)}, (_, s) => at(s));
        return {back: seen.patchOf(place), shares: seen.shares(row, place)};
    });
}"""


def shown_on_the_image(tab, name, head):
    """Of each patch the shares that are laid over the image, and whether the way back leads to it."""
    found = tab.evaluate(SEEN, [name, head])
    assert [each["back"] for each in found] == list(range(len(found)))
    return np.array([each["shares"] for each in found])


@pytest.mark.parametrize("pixels_of_side", [16, 20])
def test_windows_are_shown_at_their_places(opened, pixels_of_side):
    """Shifted ones, too, and those that do not divide the map: what fills them up is on no place."""
    options = {"depths": (2,), "embed_dim": 8, "num_heads": (2,), "window_size": 4, "patch_size": 2}
    model = mv.models.Swin(img_size=pixels_of_side, num_classes=3, **options)
    image = np.random.default_rng(0).standard_normal((pixels_of_side, pixels_of_side, 3)).astype(np.float32)
    tab = opened(step(model, image, 1, backward=False))
    _, cache = model.forward(image[None])
    size = pixels_of_side // 2
    for block, shift in ((0, 0), (1, 2)):
        weights = cache.layers[0].blocks[block].attn.attn.attention.weights[0, :, 1]
        numbers = 1.0 + np.arange(size * size).reshape(1, size, size, 1)  # 0 fills up
        (of_window,), _ = mv.ops.window_partition_forward(numbers, window_size=4, shift_size=shift)
        places = of_window[..., 0].astype(int) - 1
        expected = np.zeros((size * size, size * size))
        for window, n, m in np.ndindex(weights.shape):
            if min(places[window, [n, m]]) >= 0:
                expected[places[window, n], places[window, m]] = weights[window, n, m]
        name = f"layers.0.blocks.{block}.attn/multi_head_attention/forward"
        np.testing.assert_allclose(shown_on_the_image(tab, name, 1), expected, rtol=1e-3, atol=1e-8)
        go(tab, name)
        tab.click(".pictures canvas", position={"x": 200, "y": 200})
        assert f"Head 0: the query of patch {size * size - 1}, in window" in tab.inner_text(".pictures")


def test_fewer_keys_are_shown_as_larger_patches(opened):
    model = mv.create_model("pvt_v2_tiny_32")
    image = np.random.default_rng(0).standard_normal((32, 32, 3)).astype(np.float32)
    tab = opened(step(model, image, 1, backward=False))
    _, cache = model.forward(image[None])
    name = "stages.1.blocks.0.attn/attention/forward"
    weights = cache.stages[1].blocks[0].attn.attention.weights
    np.testing.assert_allclose(shown_on_the_image(tab, name, 1), weights[0, 1], rtol=1e-3)
    go(tab, name)
    assert "looks at the bright patches, of which there are 4 × 4" in tab.inner_text(".pictures")


def test_on_a_phone_a_step_begins_at_its_beginning(shapes_page):
    tab = shapes_page
    tab.set_viewport_size({"width": 400, "height": 700})
    for name in ("blocks.0.attn/attention/forward", "blocks.1.mlp/backward"):
        tab.evaluate("window.scrollTo(0, 10000)")
        go(tab, name)
        top = tab.evaluate("document.querySelector('h1').getBoundingClientRect().top")
        assert tab.evaluate("document.getElementById('top').offsetHeight") < top < 350


@pytest.mark.parametrize("name", ["blocks.0.attn/attention/backward", "blocks.0.mlp/gelu/backward", "head/forward"])
def test_formula_and_outputs_are_above_the_fold(shapes_page, name):
    """Of a screen of 1280 x 720, without scrolling: what goes in and what comes out stand beside each other."""
    tab = shapes_page
    go(tab, name)
    bottom = "element => element.getBoundingClientRect().bottom"
    for each in tab.locator(".doc, .inputs canvas, .outputs canvas, .pictures").all():
        assert each.evaluate(bottom) <= 720
    assert tab.evaluate("document.querySelector('.source').getBoundingClientRect().top") <= 720
    tops = [tab.locator(f".{part} canvas").first.bounding_box()["y"] for part in ("inputs", "outputs")]
    assert tops[0] == tops[1]


@pytest.mark.parametrize("width", [1280, 400])
def test_nothing_is_wider_than_the_screen(opened, width):
    tab = opened(step(trained_enough(), pixels(), 1, normalize=as_input, class_names=NAMES))
    tab.set_viewport_size({"width": width, "height": 720})
    for name in ("blocks.0.attn/attention/backward", "blocks.1/forward", "cross_entropy/backward", "head.bias/update"):
        go(tab, name)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        assert tab.evaluate("document.querySelector('main').scrollWidth <= document.querySelector('main').clientWidth")


def test_there_is_a_dark_page(browser, tmp_path):
    path = tmp_path / "step.html"
    step(trained_enough(), pixels(), 1, normalize=as_input).save(path)
    tab = browser.new_page(color_scheme="dark")
    tab.goto(path.as_uri())
    tab.wait_for_selector("body[data-ready]")
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(24, 26, 30)"
    tab.close()
