"""Finishing: a picture as the place it goes to wants it. A pure function of its bytes and a `Finishing`.

Cut or padded to exact pixels, converted to another format and to sRGB, as good as a weight allows, marked with how it was made.
The same picture and the same wishes give the same bytes, so what was finished once need not be kept. What fits already is not
compressed again, and a mark alone is put in beside the pixels.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from PIL import ImageCms, ImageColor, ImageOps

from runner.edge.looks import Image, UnidentifiedImageError
from runner.edge.marks import has_credentials, mark, packet_of, put_packet, source_type_of, write_packet
from runner.edge.media import DECODER_ERRORS, HEAD_BYTES, Kind, sniff
from runner.frozen import frozen
from runner.job.finishing import Finishing, Unfinished

ENCODERS: Final = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "avif": "AVIF"}
MIME: Final = {"image/jpeg": "jpeg", "image/png": "png", "image/webp": "webp", "image/avif": "avif"}
LOSSY: Final = frozenset({"jpeg", "webp", "avif"})
LOWEST: Final = 20
"""A quality below this shows: rather say that the weight cannot be met."""
COLOURS: Final = (256, 192, 128, 96, 64, 48, 32)
"""How many colours a PNG may be reduced to, to meet a weight; fewer show."""
GPS: Final = 0x8825
ORIENTATION: Final = 0x0112
ALPHA: Final = frozenset({"RGBA", "LA", "PA", "La", "RGBa"})
Size = tuple[int, int]


@frozen
class _Extras:
    """What goes into a file beside its pixels."""

    packet: bytes
    exif: bytes


def finish(data: bytes, wish: Finishing) -> bytes:
    """The picture as wished; the same bytes where it is so already. Raises `Unfinished`."""
    kind = sniff(data[:HEAD_BYTES])
    if kind is None or not kind.decoder:
        if wish.is_mark_only:
            return data
        raise Unfinished("a video cannot be finished; take finish: away from this step")
    if (marked := only_marked(data, wish)) is not None:
        return marked
    try:
        return _finish(data, kind, wish)
    except (*DECODER_ERRORS, SyntaxError, TypeError, ValueError, UnidentifiedImageError) as error:
        raise Unfinished(f"Pillow cannot convert it ({error})") from error


def only_marked(data: bytes, wish: Finishing) -> bytes | None:
    """The picture with its pixels untouched, where that is all that is wished and can be done; None where it is not."""
    if not wish.is_mark_only or wish.source_type is None:
        return data if wish.is_mark_only else None
    return mark(data, wish.source_type)


def states(data: bytes, wish: Finishing) -> str | None:
    """The source type that a finished file states, by its own packet or by a seal that stands for one."""
    return source_type_of(data) or (wish.source_type if has_credentials(data) else None)


def _finish(data: bytes, kind: Kind, wish: Finishing) -> bytes:
    with Image.open(io.BytesIO(data), formats=(kind.decoder,)) as opened:
        if getattr(opened, "n_frames", 1) > 1:
            raise Unfinished("it is animated, and finishing would keep only its first frame")
        form = wish.format or MIME.get(kind.media_type, "png")
        size = target_size(opened.size if not _is_turned(opened) else (opened.height, opened.width), wish)
        if MIME.get(kind.media_type) == form and opened.size == size and _may_stay(opened, wish) and _weighs(data, wish):
            kept = mark(data, wish.source_type) if wish.source_type is not None else data
            if kept is not None and _weighs(kept, wish):
                return kept
        extras = _extras(opened, data, wish)
        picture = _place(_in_srgb(ImageOps.exif_transpose(opened)), size, wish)
    if form == "jpeg":
        picture = _on_ground(picture, wish.background)
    return _encode(picture, form, wish, extras)


def target_size(size: Size, wish: Finishing) -> Size:
    """The pixels asked for; where only one side is, the other follows."""
    width, height = size
    if wish.width is None and wish.height is None:
        return size
    if wish.width is None:
        assert wish.height is not None
        return max(round(width * wish.height / height), 1), wish.height
    return wish.width, wish.height or max(round(height * wish.width / width), 1)


def _is_turned(picture: Image.Image) -> bool:
    return picture.getexif().get(ORIENTATION, 1) in (5, 6, 7, 8)


def _may_stay(picture: Image.Image, wish: Finishing) -> bool:
    """Whether pixels and what stands beside them may stay as they are."""
    exif = picture.getexif()
    is_plain = exif.get(ORIENTATION, 1) == 1 and picture.mode in ("RGB", "RGBA", "P", "L", "LA")
    return is_plain and "icc_profile" not in picture.info and wish.metadata == "keep" and GPS not in exif


def _weighs(data: bytes, wish: Finishing) -> bool:
    return wish.max_kb is None or len(data) <= wish.max_kb * 1000


def _extras(picture: Image.Image, data: bytes, wish: Finishing) -> _Extras:
    """The vendor's packet with our statement, and Exif without the place and the turn; only the statement if nothing is kept."""
    packet = packet_of(data) if wish.metadata == "keep" else b""
    stated = source_type_of(data)
    if wish.metadata == "keep":
        exif = picture.getexif()
        for tag in (GPS, ORIENTATION):
            exif.pop(tag, None)
        kept = exif.tobytes() if len(exif) else b""
    else:
        kept = b""
    source_type = stated or wish.source_type
    if source_type is not None and (stated is None or not packet):
        packet = write_packet(source_type, packet)
    return _Extras(packet, kept)


def _in_srgb(picture: Image.Image) -> Image.Image:
    """The picture in sRGB, in RGB or RGBA; by its profile if it has one that can be read."""
    profile = picture.info.get("icc_profile")
    has_alpha = picture.mode in ALPHA or "transparency" in picture.info
    if profile and picture.mode in ("RGB", "RGBA", "CMYK", "L"):
        with suppress(ImageCms.PyCMSError, OSError):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            mode = "RGBA" if picture.mode == "RGBA" else "RGB"
            turned = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode=mode)
            if turned is not None:
                turned.info.pop("icc_profile", None)
                return turned
    plain = picture.convert("RGBA" if has_alpha else "RGB")
    plain.info.pop("icc_profile", None)
    return plain


def _place(picture: Image.Image, size: Size, wish: Finishing) -> Image.Image:
    if picture.size == size:
        return picture
    if wish.fit == "stretch":
        return _scaled(picture, size)
    if wish.fit == "pad":
        inner = ImageOps.contain(_weighed(picture), size, Image.Resampling.LANCZOS)
        ground = Image.new("RGBA", size, _colour(wish.background))
        ground.alpha_composite(_unweighed(inner).convert("RGBA"), ((size[0] - inner.width) // 2, (size[1] - inner.height) // 2))
        is_opaque = picture.mode == "RGB" and ImageColor.getcolor(wish.background, "RGBA")[3] == 255  # type: ignore[index]
        return ground.convert("RGB") if is_opaque else ground
    return _unweighed(ImageOps.fit(_weighed(picture), size, Image.Resampling.LANCZOS))


def _scaled(picture: Image.Image, size: Size) -> Image.Image:
    return _unweighed(_weighed(picture).resize(size, Image.Resampling.LANCZOS))


def _weighed(picture: Image.Image) -> Image.Image:
    """Colours weighed by their opacity, so that what is invisible does not bleed into what is not."""
    return picture.convert("RGBa") if picture.mode == "RGBA" else picture


def _unweighed(picture: Image.Image) -> Image.Image:
    return picture.convert("RGBA") if picture.mode == "RGBa" else picture


def _colour(text: str) -> tuple[int, ...]:
    value = ImageColor.getcolor(text, "RGBA")
    assert isinstance(value, tuple)
    return value


def _on_ground(picture: Image.Image, colour: str) -> Image.Image:
    """The picture without transparency, on the background."""
    if picture.mode != "RGBA":
        return picture
    ground = Image.new("RGBA", picture.size, (*_colour(colour)[:3], 255))
    ground.alpha_composite(picture)
    return ground.convert("RGB")


def _encode(picture: Image.Image, form: str, wish: Finishing, extras: _Extras) -> bytes:
    """The best that stays within the weight."""
    if form in LOSSY:
        return _best_quality(lambda quality: _saved(picture, form, quality, extras), form, wish)
    whole = _saved(picture, form, 100, extras)
    if _weighs(whole, wish):
        return whole
    for colours in COLOURS:
        method = Image.Quantize.FASTOCTREE if picture.mode == "RGBA" else Image.Quantize.MEDIANCUT
        fewer = _saved(picture.quantize(colours, method, dither=Image.Dither.FLOYDSTEINBERG), form, 100, extras)
        if _weighs(fewer, wish):
            return fewer
    raise Unfinished(_too_heavy(picture.size, form, wish, "write format: jpeg or webp"))


def _best_quality(save: Callable[[int], bytes], form: str, wish: Finishing) -> bytes:
    """The largest quality within the weight, by halving: at most seven tries."""
    best = save(wish.quality)
    if _weighs(best, wish):
        return best
    found, low, high = b"", LOWEST, wish.quality - 1
    while low <= high:
        quality = (low + high) // 2
        tried = save(quality)
        if _weighs(tried, wish):
            found, low = tried, quality + 1
        else:
            high = quality - 1
    if not found:
        raise Unfinished(_too_heavy((wish.width or 0, wish.height or 0), form, wish, "make it smaller or raise max_kb"))
    return found


def _too_heavy(size: Size, form: str, wish: Finishing, cure: str) -> str:
    what = f" of {size[0]}×{size[1]}" if all(size) else ""
    return f"no {form}{what} that is fit to be seen has at most {wish.max_kb:g} kB; {cure}"


def _saved(picture: Image.Image, form: str, quality: int, extras: _Extras) -> bytes:
    options: dict[str, Any] = {"exif": extras.exif} if extras.exif else {}
    if form == "jpeg":
        options |= {"quality": quality, "optimize": True, "progressive": True, "subsampling": 0 if quality >= 90 else 2}
    elif form == "png":
        options |= {"optimize": True}
    elif form == "webp":
        options |= {"quality": quality, "method": 4}
    else:
        options |= {"quality": quality, "speed": 6, "max_threads": 1}
    if extras.packet and form != "png":
        options["xmp"] = extras.packet
    target = io.BytesIO()
    bare = picture.copy()
    bare.info.clear()
    bare.save(target, ENCODERS[form], **options)
    data = target.getvalue()
    return (put_packet(data, extras.packet) or data) if extras.packet and form == "png" else data
