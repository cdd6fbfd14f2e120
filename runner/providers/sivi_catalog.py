"""Sivi's long lists as data: design types with the size of each subtype, image models, languages.

From the vendor's pages design-types, supported-models and supported-languages (developer.sivi.ai/docs/sivi-api/common/…), spelled
as given there, mixed case included (`linkedIn-ad` beside `linkedin-ad-small`). Kept apart from `sivi` because lists grow and code
should not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

Size: TypeAlias = tuple[int, int]
"""Width and height in pixels."""


def _sizes(listed: str) -> dict[str, Size]:
    sizes: dict[str, Size] = {}
    for entry in listed.split(";"):
        name, _, size = entry.strip().partition(" ")
        width, _, height = size.partition("x")
        sizes[name] = (int(width), int(height))
    return sizes


def _names(listed: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in listed.split(","))


CUSTOM: Final = "custom"
"""Type and subtype of a design in a size of one's own, which `dimension` then gives."""
CUSTOM_LEAST: Final = 150
CUSTOM_MOST: Final = 2000

TYPES: Final[Mapping[str, Mapping[str, Size]]] = {
    "instagram": _sizes(
        "instagram-post 1080x1080; instagram-post-small 800x800; instagram-ad 1080x1080; instagram-story 1080x1920; "
        "instagram-portrait-ad 1080x1350; instagram-reel-cover-small 540x960; instagram-reel-cover 1080x1920; "
        "instagram-portrait-ad-small 600x750; instagram-story-small 540x960"
    ),
    "facebook": _sizes(
        "facebook-ad 1200x628; facebook-ad-small 800x800; facebook-post 1200x900; facebook-post-small 800x800; "
        "facebook-cover 851x315; facebook-event-cover-small 768x402; facebook-event-cover 1920x1005"
    ),
    "twitter": _sizes(
        "twitter-ad 1200x675; twitter-ad-small 640x360; twitter-post 1024x512; twitter-cover 1500x500; twitter-cover-small 750x250"
    ),
    "linkedin": _sizes(
        "linkedIn-ad 1080x1080; linkedin-ad-small 800x800; linkedIn-post 1200x628; linkedin-post-small 600x314; "
        "linkedIn-cover 1128x191; linkedin-cover-small 564x96; linkedIn-banner 1584x396"
    ),
    "pinterest": _sizes("pinterest-std-pin 600x900; pinterest-pin-small 400x600; pinterest-board-cover 600x600"),
    "whatsapp": _sizes(
        "whatsapp-post 800x800; whatsapp-wide-post 800x400; whatsapp-status 1080x1920; whatsapp-business-cover 1211x681; "
        "whatsapp-status-small 540x960"
    ),
    "youtube": _sizes(
        "youtube-thumbnail 1280x720; youtube-thumbnail-small 640x360; youtube-shorts-thumbnail-small 540x960; "
        "youtube-shorts-thumbnail 1080x1920"
    ),
    "snapchat": _sizes("snapchat-post-small 540x960; snapchat-post 1080x1920; snapchat-ad-small 540x960; snapchat-ad 1080x1920"),
    "reddit": _sizes("reddit-ad 1440x1080; reddit-ad-square 1080x1080; reddit-ad-small 600x450"),
    "displayAds": _sizes(
        "displayAds-half-page-ad 300x600; displayAds-large-rectangle 336x280; displayAds-inline-rectangle 300x250; "
        "displayAds-square 250x250; displayAds-small-square 200x200; displayAds-skyscraper 120x600; "
        "displayAds-fat-skyscraper 240x400; displayAds-wide-skyscraper 160x600; displayAds-small-skyscraper 120x240; "
        "displayAds-leaderboard 728x90; displayAds-mobile-leaderboard 320x50; displayAds-large-leaderboard 970x90; "
        "displayAds-banner 468x60"
    ),
    "amazon": _sizes(
        "amazon-one-third 1500x300; amazon-fullscreen 727x356; amazon-large-square 727x727; amazon-rectangle 970x600; "
        "amazon-standard 970x300; amazon-square 300x300; amazon-small-square 220x220; amazon-fullscreen-HD 1920x1080; "
        "amazon-ad 300x250"
    ),
    "website": _sizes(
        "website-large-rectangle 500x780; website-medium-rectangle 450x580; website-rectangle 420x330; "
        "website-wide-rectangle 610x210; website-tall-rectangle 380x520; website-square 450x450; website-small-square "
        "300x300; website-large-square 600x600; website-fullscreen-HD 1920x1080; website-half-page 1600x450; "
        "website-one-third 1600x300; website-standard 1280x400; website-hello-bar 1280x100; website-hello-bar-small "
        "640x200; website-blog-banner 1200x630"
    ),
    "email": _sizes(
        "square 600x600; tall 600x800; rectangle 600x450; wide 600x250; small 300x450; small-square 300x300; "
        "email-signature 600x150"
    ),
    "podcast": _sizes("podcast-cover 1400x1400; podcast-cover-small 1000x1000"),
    "twitch": _sizes("twitch-banner 1200x480"),
    CUSTOM: {},
}
"""Design type to its subtypes and their sizes; `custom` has none of its own."""

STANDARD_SIZES: Final[frozenset[Size]] = frozenset({(1024, 1024), (1344, 768), (1280, 960), (960, 1280), (768, 1344)})
BANANA_SIZES: Final[frozenset[Size]] = frozenset(
    {
        (1024, 1024),
        *((1264, 848), (1200, 896), (1152, 928), (1376, 768), (1548, 672)),
        *((848, 1264), (896, 1200), (928, 1152), (768, 1376)),
    }
)
MODELS: Final[Mapping[str, tuple[bool, frozenset[Size]]]] = {
    "auto": (True, STANDARD_SIZES | BANANA_SIZES),
    "flux-schnell": (False, STANDARD_SIZES),
    "flux-klein-4b": (False, STANDARD_SIZES),
    "flux-klein-9b": (True, STANDARD_SIZES),
    "flux-dev": (False, STANDARD_SIZES),
    "twinflow-z-image-turbo": (False, STANDARD_SIZES),
    "z-image-turbo": (False, STANDARD_SIZES),
    "nano-banana:1k": (True, BANANA_SIZES),
    "nano-banana-2:1k": (True, BANANA_SIZES),
    "nano-banana-pro:1k": (True, BANANA_SIZES),
}
"""Image model to whether it can enhance given pictures, and the sizes it makes. The list moves: other models may exist."""

DESIGN_MODELS: Final = (
    "auto",
    "sivi-gen-3-preview",
    "sivi-gen-3-pro-preview",
    "sivi-gen-3-pro-fast-preview",
    "sivi-gen-3h-lite-preview",
    "sivi-gen-3h-preview",
    "sivi-gen-3h-max-preview",
    "sivi-gen-28h-lite",
    "sivi-gen-28h",
    "sivi-gen-28h-max",
    "sivi-gen-28-vlg",
    "sivi-gen-27",
    "sivi-gen-27i",
)
"""Values of `settings.designModel`; this list moves too."""

LANGUAGES: Final = _names(
    "english, arabic, bengali, chinese, hindi, greek, hebrew, kannada, khmer, korean, malayalam, burmese, oriya, "
    "sinhala, tamil, telugu, thai, tibetan, vietnamese, spanish, german, french, portuguese, urdu, indonesian, "
    "marathi, turkish, afrikaans, albanian, assamese, azerbaijani, basque, bulgarian, catalan, croatian, danish, "
    "dutch, estonian, finnish, galician, hungarian, igbo, italian, latvian, lithuanian, macedonian, malagasy, nepali, "
    "oromo, polish, punjabi, romanian, russian, serbian, shona, slovak, somali, swedish, bosnian, czech, esperanto, "
    "ewe, filipino, welsh, yoruba, zulu, konkani, slovenian, hawaiian, kinyarwanda, luxembourgish, maltese, swahili, "
    "uzbek, persian, armenian, icelandic, irish, lingala, pashto, yiddish, gujarati, japanese, scottish gaelic, "
    "norwegian, faroese, kabuverdianu, makonde, kalenjin, friulian"
)
"""Languages of a design's text; `english` where none is given."""
