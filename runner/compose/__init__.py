"""Compose: banners laid out on this machine, from an SVG template and the pictures and words of a row.

`typeface` reads fonts, `fitting` puts text into a box, `drawing` reads the template's SVG and lets nothing dangerous through,
`artist` draws it in a process of its own, `render` makes the file. All of it is a pure function of bytes: the same request gives
the same picture.
"""
