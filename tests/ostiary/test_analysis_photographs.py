"""Picture files of every kind become the same pixels, or one clear sentence."""

import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from ostiary.analysis.photographs import read
from ostiary.analysis.results import Trouble, Unreadable

pytestmark = pytest.mark.unit

HEIGHT, WIDTH = 48, 64
COLOURS = ((200, 30, 40), (30, 180, 60), (40, 60, 220), (230, 230, 120))  # R G B of four corners


def corners():
    """Four fields of colour, so that a turned or swapped picture is noticed; RGB."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    halves = [(row, column) for row in (0, HEIGHT // 2) for column in (0, WIDTH // 2)]
    for (row, column), colour in zip(halves, COLOURS, strict=True):
        pixels[row : row + HEIGHT // 2, column : column + WIDTH // 2] = colour
    return pixels


def image():
    return Image.fromarray(corners())


def saved(folder, name, picture, **options):
    path = folder / name
    picture.save(path, **options)
    return path


def looks_like_corners(pixels, tolerance=12):
    assert pixels.dtype == np.uint8
    assert pixels.shape == (HEIGHT, WIDTH, 3)
    assert pixels.flags["C_CONTIGUOUS"]
    return np.abs(pixels[..., ::-1].astype(int) - corners()).mean() < tolerance


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.bmp", "a.tiff", "a.tga"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_formats_and_modes(tmp_path, name, mode):
    picture = image().quantize(16) if mode == "P" else image().convert(mode)
    assert looks_like_corners(read(saved(tmp_path, name, picture), name))


@pytest.mark.parametrize("name", ["a.jpg", "a.ppm", "a.jp2", "a.avif"])
def test_formats_of_colour_alone(tmp_path, name):
    assert looks_like_corners(read(saved(tmp_path, name, image()), name))


def test_unicode_and_spaces_in_a_path(tmp_path):
    assert looks_like_corners(read(saved(tmp_path, "门 口 é😀.png", image()), "x"))


def test_the_content_counts_and_not_the_name(tmp_path):
    path = saved(tmp_path, "a.png", image())
    assert looks_like_corners(read(path.rename(tmp_path / "film.mp4"), "film.mp4"))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_comes_out_upright(tmp_path, orientation):
    turn = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    picture = image() if orientation == 1 else image().transpose(turn[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert looks_like_corners(read(saved(tmp_path, "a.jpg", picture, exif=exif, quality=95), "a"))


def test_cmyk_as_a_printer_sees_it(tmp_path):
    path = saved(tmp_path, "a.jpg", image().convert("CMYK"), quality=95)
    assert looks_like_corners(read(path, "a"), tolerance=25)


def test_what_is_transparent_lies_on_white(tmp_path):
    clear = np.dstack([corners(), np.zeros((HEIGHT, WIDTH), np.uint8)])
    clear[: HEIGHT // 2, :, 3] = 255
    pixels = read(saved(tmp_path, "a.png", Image.fromarray(clear)), "a")
    assert (pixels[HEIGHT // 2 :] == 255).all()
    assert (pixels[0, 0][::-1] == COLOURS[0]).all()


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_of_grey(tmp_path, suffix):
    ramp = np.tile(np.linspace(0, 65535, WIDTH).astype(np.uint16), (HEIGHT, 1))
    path = tmp_path / f"a{suffix}"
    cv2.imwrite(str(path), ramp)
    pixels = read(path, "a")
    assert np.abs(pixels.astype(int) - (ramp // 257)[..., None]).max() <= 1


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_of_colour(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    cv2.imwrite(str(path), corners()[..., ::-1].astype(np.uint16) * 257)
    assert looks_like_corners(read(path, "a"), tolerance=2)


def test_grey_and_grey_with_alpha(tmp_path):
    for mode in ("L", "LA", "1"):
        pixels = read(saved(tmp_path, f"{mode}.png", image().convert(mode)), mode)
        assert pixels.shape == (HEIGHT, WIDTH, 3)
        assert (pixels[..., 0] == pixels[..., 2]).all()


def test_floating_point(tmp_path):
    ramp = np.tile(np.linspace(0, 1, WIDTH, dtype=np.float32), (HEIGHT, 1))
    pixels = read(saved(tmp_path, "a.tif", Image.fromarray(ramp)), "a")
    assert np.abs(pixels[..., 0].astype(int) - ramp * 255).max() <= 1


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png"])
def test_an_animation_is_opened_and_not_read(tmp_path, name):
    frames = [image(), image().transpose(Image.Transpose.ROTATE_180)]
    path = saved(tmp_path, name, frames[0], save_all=True, append_images=frames[1:], duration=80)
    found = read(path, name)
    assert isinstance(found, Image.Image)
    assert found.n_frames == 2
    found.close()


def test_a_file_of_several_pages_is_its_first_page(tmp_path):
    pages = [image(), image().transpose(Image.Transpose.ROTATE_180)]
    path = saved(tmp_path, "a.tiff", pages[0], save_all=True, append_images=pages[1:])
    assert looks_like_corners(read(path, "a"))


def said(path):
    with pytest.raises(Unreadable) as error:
        read(path, path.name)
    assert error.value.problem.trouble is Trouble.UNREADABLE
    assert "\n" not in str(error.value)
    return error.value.problem.message


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tiff", "a.jp2"])
def test_a_truncated_picture_is_refused(tmp_path, name):
    noise = np.random.default_rng(1).integers(0, 255, (200, 200, 3), np.uint8)
    path = saved(tmp_path, name, Image.fromarray(noise))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    told = said(path)
    assert "cannot be read" in told and "truncated" in told


def huge_png(width, height):
    """A PNG's head that promises so many pixels; nothing of them follows."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", head), (b"IDAT", zlib.compress(b"")), (b"IEND", b""))
    )
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize("side", [10_000, 60_000])
def test_a_huge_picture_is_refused_before_it_is_decoded(tmp_path, side):
    path = tmp_path / "huge.png"
    path.write_bytes(huge_png(side, side))
    assert "too large" in said(path)


def test_a_phones_heic_is_called_by_its_name(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic")
    assert "HEIC" in said(path)


def test_what_is_no_picture_is_left_to_others(tmp_path):
    path = tmp_path / "a.jpg"
    for content in (b"", b"hello", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"):
        path.write_bytes(content)
        assert read(path, "a") is None
