"""A training from where it stands to its end: progress bar or lines, checkpoints, pictures."""

import sys
import time

from minivit.train.folder import RunFolder
from minivit.train.interrupt import InterruptFlag
from minivit.train.trainer import Trainer

CHECKPOINT_SECONDS = 30
LINE_SECONDS = 10
"""Between two lines within an epoch, where there is no progress bar."""


def run_to_the_end(trainer: Trainer, folder: RunFolder) -> bool:
    """Train, saving after every epoch and every ``CHECKPOINT_SECONDS``, and draw the pictures of the run.

    Returns
    -------
    Whether the training came to its end: Ctrl-C ends it early, after a checkpoint.
    """
    from tqdm import tqdm

    from minivit.train.pictures import draw_run

    rows = folder.read_metrics(trainer.step)
    dataset, total = trainer.dataset, trainer.total_steps
    print(
        f"{trainer.recipe.model}: {trainer.model.num_params:,} parameters; "
        f"{dataset.name}: {len(dataset.train):,} {trainer.kind.what}"
    )
    if trainer.step == total:
        print(f"{folder.path} is finished, all {total} steps; only its pictures are drawn again")
    interrupted = InterruptFlag()
    saved = told = time.monotonic()
    # None: no bar where stderr is not a terminal
    with tqdm(total=total, initial=trainer.step, unit="step", dynamic_ncols=True, disable=None) as bar, interrupted:
        for metrics in trainer.run():
            rows.append(metrics)
            stop = interrupted.seen
            if metrics.test_score is not None or stop or time.monotonic() - saved > CHECKPOINT_SECONDS:
                folder.save(trainer, rows)  # before anything is printed: nobody may be there to read it
                saved = time.monotonic()
            bar.update()
            here = f"epoch {metrics.epoch:.1f}, loss {metrics.loss:.3f}"
            bar.set_postfix_str(here)
            if metrics.test_score is not None:
                bar.write(f"epoch {metrics.epoch:.0f}: test {trainer.task.score_name} {metrics.test_score:.1%}")
                sys.stdout.flush()
            elif bar.disable and time.monotonic() - told > LINE_SECONDS:
                print(f"step {trainer.step} of {total}: {here}", flush=True)
                told = time.monotonic()
            if stop:
                break
    if trainer.step < total:
        print(f"interrupted at step {trainer.step}; saved. Go on with: {folder.resume_command()}")
        return False
    pictures = draw_run(folder.path, trainer, rows)
    print(f"{folder.path}: checkpoint.safetensors, metrics.csv, {', '.join(path.name for path in pictures)}")
    return True
