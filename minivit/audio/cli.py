"""``minivit spectrogram``, ``hide`` and ``synth``: sounds to pictures, pictures to sounds, and a voice."""

import argparse
from pathlib import Path
from typing import Any

N_FFT, DB, N_MELS = 2048, 80.0, 128

DEEPEST = 300.0
"""Decibels from the loudest to black: some 150 is what float32 tells from its rounding."""


def add_audio_commands(commands: Any) -> None:
    """Add the commands about sound to those of ``minivit``."""
    spectrogram = commands.add_parser("spectrogram", help="draw the spectrogram of a WAV file of any length")
    spectrogram.add_argument("file", metavar="FILE.wav")
    spectrogram.add_argument("-o", "--out", metavar="FILE.png", help="NAME-spectrogram.png, here, if not given")
    spectrogram.add_argument("--mel", action="store_true", help=f"{N_MELS} bands as an ear hears them")
    spectrogram.add_argument("--window", metavar="NAME", default="hann", help="hann if not given")
    spectrogram.add_argument("--n-fft", type=int, metavar="N", default=N_FFT, help=f"samples of a frame; {N_FFT}")
    spectrogram.add_argument("--hop", type=int, metavar="N", help="samples to the next frame; a quarter of a frame")
    spectrogram.add_argument("--db", type=float, metavar="DB", default=DB, help=f"from loudest to black; {DB:g}")
    spectrogram.set_defaults(run=_run_spectrogram)

    hide = commands.add_parser("hide", help="make a sound whose spectrogram shows an image")
    hide.add_argument("image", metavar="IMAGE")
    hide.add_argument("-o", "--out", metavar="FILE.wav", required=True)
    hide.set_defaults(run=_run_hide)

    synth = commands.add_parser("synth", help="speak words of the vowels a, e, i, o, u into a WAV file")
    synth.add_argument("text", metavar="TEXT", help='such as "a e i o u", or "ai", one vowel into the other')
    synth.add_argument("-o", "--out", metavar="FILE.wav", required=True)
    synth.add_argument("--pitch", type=float, metavar="HZ", default=120.0, help="120 if not given")
    synth.add_argument("--speed", type=float, metavar="X", default=1.0, help="2 is twice as fast; 1 if not given")
    synth.add_argument("--breath", type=float, metavar="X", default=0.05, help="10 is a whisper; 0.05 if not given")
    synth.add_argument("--sr", type=int, metavar="N", default=16_000, help="samples in a second; 16000 if not given")
    synth.add_argument("--seed", type=int, default=0, help="of breath and of what moves the pitch; 0 if not given")
    synth.set_defaults(run=_run_synth)


def _run_spectrogram(args: argparse.Namespace) -> int:
    """Draw a file, and print how loud it is."""
    from minivit.audio.overview import wav_overview
    from minivit.checked import check_range
    from minivit.files import must_be_another
    from minivit.plot import save
    from minivit.plot.figure import picture_path
    from minivit.plot.overview import sound_overview
    from minivit.terminal import one_line, shortened, warnings_said

    check_range("--db", args.db, above=0, at_most=DEEPEST)
    out = picture_path(args.out or f"{Path(args.file).stem}-spectrogram.png")
    must_be_another(out, args.file)
    with warnings_said():
        found = wav_overview(
            args.file,
            n_fft=args.n_fft,
            hop_length=args.hop,
            window=args.window,
            n_mels=N_MELS if args.mel else None,
        )
    lines, info = found.levels.words(), found.info
    if info.channels > 1:
        lines = [f"channel {i}: {words}" for i, words in enumerate(lines, 1)]
    title = shortened(one_line(Path(args.file).name), 60).replace("$", r"\$")
    save(sound_overview(found, db=args.db, title=title, names=lines if info.channels > 1 else None), out)
    print(one_line(f"{args.file}: {info.length / info.sr:.2f} s at {info.sr} Hz, {info.subtype}; drawn: {out}"))
    for line in lines:
        print(line)
    return 0


def _run_hide(args: argparse.Namespace) -> int:
    """Write the sound, and print how well one sees the image in what was written."""
    from minivit.audio.hidden import hidden_correlation, hide
    from minivit.audio.wav import read_wav, write_wav
    from minivit.data.image_file import read_image
    from minivit.files import must_be_another
    from minivit.terminal import command_line, one_line

    path = _sound_path(args.out)
    must_be_another(path, args.image)
    hidden = hide(read_image(args.image))
    write_wav(path, hidden.y, hidden.sr)
    found = hidden_correlation(read_wav(path)[0], hidden)
    low, high = (round(k * hidden.sr / hidden.n_fft) for k in (hidden.bins[0], hidden.bins[1] - 1))
    seconds = len(hidden.y) / hidden.sr
    shown = f"from {low} to {high} Hz its spectrogram shows {args.image}, correlation {found:.3f}"
    print(one_line(f"{path}: {seconds:.1f} s at {hidden.sr} Hz; {shown}"))
    command = ["minivit", "spectrogram", str(path), "--n-fft", str(hidden.n_fft), "--db", f"{hidden.db:g}"]
    print(one_line(f"to see it: {command_line(command)}"))
    return 0


def _run_synth(args: argparse.Namespace) -> int:
    """Write what was spoken, and print how long it is."""
    from minivit.audio.voice import speak
    from minivit.audio.wav import write_wav
    from minivit.terminal import one_line

    path = _sound_path(args.out)
    y = speak(args.text, pitch=args.pitch, speed=args.speed, breath=args.breath, seed=args.seed, sr=args.sr)
    write_wav(path, y, args.sr)
    print(one_line(f"{path}: {len(y) / args.sr:.2f} s at {args.sr} Hz"))
    return 0


def _sound_path(name: str) -> Path:
    """Where to write a sound; ``.wav`` if the name has no ending."""
    from minivit.files import with_ending

    path = with_ending(name, ".wav")
    if path.suffix.lower() != ".wav":
        raise ValueError(f"{path} is no name for a sound: it ends in {path.suffix}; expected .wav")
    return path
