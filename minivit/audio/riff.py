"""What a WAV file says of itself, in chunks: a name, a size, and so many bytes. It may say anything."""

import struct
from typing import BinaryIO, NamedTuple

SUBTYPES = {"PCM_U8": (1, 1), "PCM_16": (1, 2), "PCM_24": (1, 3), "PCM_32": (1, 4), "FLOAT": (3, 4), "DOUBLE": (3, 8)}
"""How samples may be written, as soundfile calls it: the number of the format, and bytes of a sample."""

EXTENSIBLE = 0xFFFE  # the number of the format stands further behind

CODECS = {
    0x02: "Microsoft ADPCM",
    0x06: "A-law",
    0x07: "mu-law",
    0x11: "IMA ADPCM",
    0x31: "GSM 6.10",
    0x50: "MPEG layer 2",
    0x55: "MP3",
    0xFF: "AAC",
    0x161: "Windows Media Audio",
    0xF1AC: "FLAC",
}
"""How a WAV file may be compressed, by the number of the format: each needs a decoder of its own."""

OTHERS = {
    b"fLaC": "FLAC",
    b"OggS": "Ogg",
    b"ID3": "MP3",
    b"\xff\xfb": "MP3",
    b"\xff\xf3": "MP3",
    b"FORM": "AIFF",
    b"caff": "CAF",
    b".snd": "AU",
    b"riff": "Wave64",
    b"RIFX": "RIFX (WAV with its bytes in the other order)",
    b"\x1aE\xdf\xa3": "Matroska or WebM",
}
"""How files begin that are none, whatever they are called."""

GUIDS = (bytes.fromhex("000000001000800000aa00389b71"), bytes.fromhex("00002107d3118644c8c1ca000000"))
"""What stands behind the number of the format where it stands further behind; the second is that of ambisonics."""

MOST_CHUNKS = 1000
"""Before the samples: a file may be gigabytes of empty ones."""

UNKNOWN = 0xFFFFFFFF
"""The size that a program writes which cannot go back to its header, because its output is a pipe."""

CONVERT = "convert it, for example by ffmpeg -i FILE -c:a pcm_s16le OUT.wav"
"""What is said to whoever has such a file."""


class WavInfo(NamedTuple):
    """What a WAV file says of itself, and what is true of it."""

    sr: int
    """Samples in a second."""
    channels: int
    length: int
    """Samples of each channel that are there."""
    subtype: str
    start: int
    """Where in the file they begin, in bytes."""


def wav_header(file: BinaryIO) -> tuple[WavInfo, int]:
    """What is in an open WAV file, and how many samples there should be.

    Raises
    ------
    ValueError
        If it is none, or cannot be right: a sentence without its beginning, which is the name of the file.
    """
    total = file.seek(0, 2)
    file.seek(0)
    head = file.read(12)
    if head[:4] not in (b"RIFF", b"RF64", b"BW64") or head[8:] != b"WAVE":
        raise ValueError(_what_it_is(head))
    riff_end = 8 + struct.unpack("<I", head[4:8])[0]
    layout: tuple[int, ...] = ()
    large = None  # of a file beyond 4 GiB (RF64, BW64), its size stands in a chunk of its own
    for _ in range(MOST_CHUNKS):
        if len(name_size := file.read(8)) < 8:
            break
        name, size = struct.unpack("<4sI", name_size)
        start = file.tell()
        if name == b"data":
            if not layout:
                raise ValueError("is a damaged WAV file: nothing says what its samples are (a chunk 'fmt ')")
            sr, channels, subtype, frame = _layout(layout)
            if size == UNKNOWN and large is not None:
                size = large
            elif size == UNKNOWN or (size == 0 and riff_end <= start):  # who wrote it never knew, or never came back
                size = total - start
            length = min(size, total - start) // frame
            if length == 0:
                raise ValueError("has no samples")
            return WavInfo(sr, channels, length, subtype, start), size // frame
        if start + size > total:
            said = f"is a damaged WAV file: it says that {size:,} bytes of {name.decode('latin-1')!r} follow"
            raise ValueError(f"{said}, and has {total - start:,}")
        content = file.read(min(size, 64))
        if name == b"fmt " and len(content) >= 16:
            tag, channels, sr, _, frame, bits = struct.unpack("<HHIIHH", content[:16])
            if tag == EXTENSIBLE:
                tag = _further_behind(content)
            if layout not in ((), (tag, channels, sr, frame, bits)):
                raise ValueError("is a damaged WAV file: it says twice what its samples are, and not the same")
            layout = tag, channels, sr, frame, bits
        elif name == b"ds64" and len(content) >= 16:
            (large,) = struct.unpack("<Q", content[8:16])
        file.seek(start + size + size % 2)
    else:
        raise ValueError(f"is a damaged WAV file: {MOST_CHUNKS:,} chunks, and none of them has its samples")
    raise ValueError("is a damaged WAV file: it ends before its samples begin (a chunk 'data')")


def _further_behind(content: bytes) -> int:
    """The number of the format of an extensible header, the first two bytes of a name of sixteen."""
    if len(content) < 40:
        raise ValueError("is a damaged WAV file: its header is an extensible one and ends before it says the format")
    if content[26:40] not in GUIDS:
        raise ValueError(f"has samples of an unknown kind ({content[24:40].hex()}); expected PCM or floats: {CONVERT}")
    return int.from_bytes(content[24:26], "little")


def _layout(said: tuple[int, ...]) -> tuple[int, int, str, int]:
    """Rate, channels, kind of samples, and bytes of one sample of all channels."""
    tag, channels, sr, frame, bits = said
    if tag not in (1, 3):
        codec = CODECS.get(tag, f"a codec of the number {tag}")
        raise ValueError(f"is compressed ({codec}); expected PCM or floats: {CONVERT}")
    if sr == 0:
        raise ValueError("says that it has 0 samples in a second; expected at least 1")
    if channels == 0:
        raise ValueError("says that it has 0 channels; expected at least 1")
    width = -(-bits // 8)  # 12 bits are the upper ones of 16
    subtype = next((name for name, known in SUBTYPES.items() if known == (tag, width)), None)
    if subtype is None:
        kinds = {1: "8, 16, 24 or 32 bits", 3: "32 or 64 bits, as they are floats"}
        raise ValueError(f"says that its samples have {bits} bits; expected {kinds[tag]}")
    if frame != channels * width:
        words = f"{channels} x {bits} bits are {channels * width} bytes, and it says {frame}"
        raise ValueError(f"has a header that contradicts itself: {words}")
    return sr, channels, subtype, frame


def _what_it_is(head: bytes) -> str:
    """Of a file that is no WAV file."""
    names = [name for begins, name in OTHERS.items() if head.startswith(begins)]
    if head[4:8] == b"ftyp":
        names = ["MP4 or M4A"]
    if names:
        return f"is no WAV file but {names[0]}: {CONVERT}"
    return "is no WAV file" if head else "is empty; expected a WAV file"
