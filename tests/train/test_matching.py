"""A model of images and texts that was trained: asked for captions, and for classes by sentences."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import minivit as mv
from minivit import cli
from minivit.data import one_object_captions
from minivit.data.names import NAMES
from minivit.ops import softmax_forward
from minivit.tasks import NAMED, Match
from minivit.train import Trainer
from minivit.train.matching import Matcher, class_vectors, zero_shot
from minivit.train.recipes import recipe_of
from tests.tasks.test_match import SCENES, recipe


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("match")
    trainer = Trainer(recipe(epochs=1), SCENES, threads=1)
    for _ in trainer.run():
        pass
    trainer.save(folder / "checkpoint.safetensors")
    Image.fromarray(SCENES.test.images[0]).save(folder / "scene.png")
    return folder


def test_captions_to_choose_from(trained: Path) -> None:
    captions = ["a red circle", "a blue star", "a green ring left of a white cross"]
    matcher: Any = Matcher(trained, captions)
    found = matcher.likeliest(trained / "scene.png")
    image = matcher.kind.normalize(SCENES.test.images[:1])
    outputs, _ = matcher.model.forward(np.repeat(image, 3, 0), matcher.tokens(captions))
    logits = np.exp(matcher.model.logit_scale.value) * outputs.image[:1] @ outputs.text.T
    shares = softmax_forward(logits)[0][0]
    assert [name for name, _ in found] == [captions[i] for i in np.argsort(-shares)]
    np.testing.assert_allclose([share for _, share in found], np.sort(shares)[::-1], rtol=1e-5)


def test_without_captions_it_names_one_thing(trained: Path) -> None:
    known = {text for texts in one_object_captions().values() for text in texts}
    assert {*Matcher(trained).captions} == {text for text in known if {*text.split()} <= {*Matcher(trained).vocabulary}}


@pytest.mark.parametrize(
    ("captions", "message"),
    [
        (["a pink circle"], "the caption 'a pink circle' has the word 'pink'"),
        (["a red circle " * 9], "has 27 words and commas; this model reads"),
    ],
)
def test_captions_that_are_refused(trained: Path, captions: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Matcher(trained, captions)


def test_predict(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    image, texts = (
        str(trained / "scene.png"),
        ["--caption", "a red circle", "--caption", "a blue star left of a red circle"],
    )
    assert cli.main(["predict", str(trained), image, image, *texts]) == 0
    first, second, last = capsys.readouterr().out.splitlines()
    assert first == second
    assert first.startswith(f"{image}: a ")
    assert "; a " in first
    assert last == "wrote matches.png"
    with Image.open("matches.png") as picture:
        assert picture.size[0] > 100
    assert cli.main(["predict", str(trained), image, "--out", "there"]) == 0
    assert Path("there/matches.png").exists()


def test_what_predict_refuses(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    image = str(trained / "scene.png")
    for extra, said in (
        (["--out", image], "scene.png is a file; expected a folder for pictures"),
        (["--out", f"{image}/deep"], "scene.png is a file; expected a folder for pictures"),
        (["--click", "1,2"], "--click is for models of --task prompt; that of "),
        (["--caption", "a pink circle"], "'pink', which is not in the vocabulary"),
    ):
        assert cli.main(["predict", str(trained), image, *extra]) == 1
        assert said in capsys.readouterr().err
    assert cli.main(["predict", str(trained), "nowhere.png"]) == 1
    assert not Path("matches.png").exists()
    classifier = mv.create_model("vit_micro_patch4_32")
    mv.save(classifier, "vit.safetensors", data={"name": "x", "class_names": ["a"] * 10})
    assert cli.main(["predict", "vit.safetensors", image, "--caption", "a star"]) == 1
    assert "--caption is for models of --task match; that of vit.safetensors was trained for" in capsys.readouterr().err
    Path("matches.png").mkdir()
    assert cli.main(["predict", str(trained), image]) == 1
    assert capsys.readouterr() == ("", "minivit: matches.png is a folder; expected a place for a picture\n")
    Path("matches.png").rmdir()
    Path(image).rename("matches.png")
    assert cli.main(["predict", str(trained), "matches.png"]) == 1
    assert "matches.png" in capsys.readouterr().err
    Path("matches.png").rename(image)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "vit.safetensors"
    mv.save(mv.create_model("vit_micro_patch4_32"), path, task="Match", data={"name": "x"})
    with pytest.raises(ValueError, match="holds a ViT; expected a CLIP"):
        Matcher(path)
    mv.save(untrained(), path, data={"name": "x"})
    with pytest.raises(ValueError, match="was trained for Classification, not to match images and texts"):
        Matcher(path)


def untrained() -> mv.models.CLIP:
    return mv.models.CLIP(**{**recipe().options, "img_size": 16, "vocab_size": 5, "max_length": 4, "eos_token_id": 2})


def test_classes_by_sentences() -> None:
    """The mean of the vectors of a class's sentences, made as long as one; then the most similar."""
    trainer = Trainer(recipe(), SCENES)
    model: Any = trainer.model
    vocabulary = trainer.dataset.class_names
    sentences = {"star": ["a red star", "a blue star"], "ring": ["a red ring"]}
    classes = class_vectors(model, sentences, vocabulary)
    np.testing.assert_allclose((classes**2).sum(1), 1, rtol=1e-5)
    texts = [model.encode_texts(mv.data.encode_captions([text], vocabulary))[0][0] for text in sentences["star"]]
    mean = np.mean(texts, 0)
    np.testing.assert_allclose(classes[0], mean / np.linalg.norm(mean), rtol=1e-4)
    images = trainer.normalize(SCENES.test.images)
    vectors, _ = model.encode_images(images)
    np.testing.assert_array_equal(zero_shot(model, images, classes), (vectors @ classes.T).argmax(1))


def test_the_task_decides_data_and_model() -> None:
    assert NAMED["match"] is Match
    assert recipe_of(Match.usual_data, task="match").model == "clip_resnet_tiny_64"
    assert recipe_of("scenes", task="match", model="clip_resnet50").model == "clip_resnet50"
    assert Match.usual_data in NAMES
    with pytest.raises(ValueError, match="ViT is trained for Classification, not for Match; clip_resnet_tiny_64 would"):
        Trainer(recipe_of("shapes", task="match", model="vit_micro_patch4_32"), SCENES)
    for model in ("clip_vit_tiny_patch8_64", "clip_vit_base_patch32"):
        assert not recipe_of("scenes", model=model).flip
        assert not recipe_of("scenes", model=model, task="match").flip
    assert recipe_of("shapes", model="vit_micro_patch4_32", flip=True).flip
    assert isinstance(Trainer(recipe(), SCENES).task, Match)
