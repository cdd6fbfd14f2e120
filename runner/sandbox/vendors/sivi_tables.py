"""Sivi's closed lists, from its documentation (developer.sivi.ai: Design Types, Supported Models, Supported Languages).

Names are as printed there, with their mixed `linkedIn-` and `linkedin-`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SUBTYPES: Final[Mapping[str, str]] = {
    "instagram": (
        "instagram-post=1080x1080 instagram-post-small=800x800 instagram-ad=1080x1080 instagram-story=1080x1920 "
        "instagram-portrait-ad=1080x1350 instagram-reel-cover-small=540x960 instagram-reel-cover=1080x1920 "
        "instagram-portrait-ad-small=600x750 instagram-story-small=540x960"
    ),
    "facebook": (
        "facebook-ad=1200x628 facebook-ad-small=800x800 facebook-post=1200x900 facebook-post-small=800x800 "
        "facebook-cover=851x315 facebook-event-cover-small=768x402 facebook-event-cover=1920x1005"
    ),
    "twitter": (
        "twitter-ad=1200x675 twitter-ad-small=640x360 twitter-post=1024x512 twitter-cover=1500x500 twitter-cover-small=750x250"
    ),
    "linkedin": (
        "linkedIn-ad=1080x1080 linkedin-ad-small=800x800 linkedIn-post=1200x628 linkedin-post-small=600x314 "
        "linkedIn-cover=1128x191 linkedin-cover-small=564x96 linkedIn-banner=1584x396"
    ),
    "pinterest": "pinterest-std-pin=600x900 pinterest-pin-small=400x600 pinterest-board-cover=600x600",
    "whatsapp": (
        "whatsapp-post=800x800 whatsapp-wide-post=800x400 whatsapp-status=1080x1920 whatsapp-business-cover=1211x681 "
        "whatsapp-status-small=540x960"
    ),
    "youtube": (
        "youtube-thumbnail=1280x720 youtube-thumbnail-small=640x360 youtube-shorts-thumbnail-small=540x960 "
        "youtube-shorts-thumbnail=1080x1920"
    ),
    "snapchat": "snapchat-post-small=540x960 snapchat-post=1080x1920 snapchat-ad-small=540x960 snapchat-ad=1080x1920",
    "reddit": "reddit-ad=1440x1080 reddit-ad-square=1080x1080 reddit-ad-small=600x450",
    "displayAds": (
        "displayAds-half-page-ad=300x600 displayAds-large-rectangle=336x280 displayAds-inline-rectangle=300x250 "
        "displayAds-square=250x250 displayAds-small-square=200x200 displayAds-skyscraper=120x600 "
        "displayAds-fat-skyscraper=240x400 displayAds-wide-skyscraper=160x600 displayAds-small-skyscraper=120x240 "
        "displayAds-leaderboard=728x90 displayAds-mobile-leaderboard=320x50 displayAds-large-leaderboard=970x90 "
        "displayAds-banner=468x60"
    ),
    "amazon": (
        "amazon-one-third=1500x300 amazon-fullscreen=727x356 amazon-large-square=727x727 amazon-rectangle=970x600 "
        "amazon-standard=970x300 amazon-square=300x300 amazon-small-square=220x220 amazon-fullscreen-HD=1920x1080 "
        "amazon-ad=300x250"
    ),
    "website": (
        "website-large-rectangle=500x780 website-medium-rectangle=450x580 website-rectangle=420x330 "
        "website-wide-rectangle=610x210 website-tall-rectangle=380x520 website-square=450x450 "
        "website-small-square=300x300 website-large-square=600x600 website-fullscreen-HD=1920x1080 "
        "website-half-page=1600x450 website-one-third=1600x300 website-standard=1280x400 website-hello-bar=1280x100 "
        "website-hello-bar-small=640x200 website-blog-banner=1200x630"
    ),
    "email": (
        "square=600x600 tall=600x800 rectangle=600x450 wide=600x250 small=300x450 small-square=300x300 email-signature=600x150"
    ),
    "podcast": "podcast-cover=1400x1400 podcast-cover-small=1000x1000",
    "twitch": "twitch-banner=1200x480",
}
"""Design types, each with its subtypes and their sizes in pixels."""

SIZES: Final[Mapping[tuple[str, str], tuple[int, int]]] = {
    (kind, name): (int(width), int(height))
    for kind, listed in SUBTYPES.items()
    for name, _, size in (entry.partition("=") for entry in listed.split())
    for width, _, height in (size.partition("x"),)
}
"""Width and height of every (type, subtype) but `custom`."""

SQUARE: Final = ((1024, 1024), (1344, 768), (1280, 960), (960, 1280), (768, 1344))
"""Dimensions most image models make."""

BANANA: Final = (
    *((1024, 1024), (1264, 848), (848, 1264), (1200, 896), (896, 1200)),
    *((1152, 928), (928, 1152), (1376, 768), (768, 1376), (1548, 672)),
)
"""Dimensions the nano-banana family makes."""

MODELS: Final[Mapping[str, tuple[float, bool, tuple[tuple[int, int], ...]]]] = {
    "auto": (3.0, True, (*SQUARE, *BANANA)),
    "flux-schnell": (0.03, False, SQUARE),
    "flux-klein-4b": (0.03, False, SQUARE),
    "flux-klein-9b": (0.05, True, SQUARE),
    "flux-dev": (0.05, False, SQUARE),
    "twinflow-z-image-turbo": (0.05, False, SQUARE),
    "z-image-turbo": (0.1, False, SQUARE),
    "nano-banana:1k": (2.0, True, BANANA),
    "nano-banana-2:1k": (2.0, True, BANANA),
    "nano-banana-pro:1k": (3.0, True, BANANA),
}
"""Image models: credits per image (`auto`: the most it can cost), whether they enhance pictures, and the dimensions they make."""

DESIGN_MODELS: Final[Mapping[str, float]] = {
    "auto": 3,
    "sivi-gen-3-preview": 1,
    "sivi-gen-3-pro-preview": 2,
    "sivi-gen-3-pro-fast-preview": 4,
    "sivi-gen-3h-lite-preview": 1.5,
    "sivi-gen-3h-preview": 2,
    "sivi-gen-3h-max-preview": 5,
    "sivi-gen-28h-lite": 1,
    "sivi-gen-28h": 2,
    "sivi-gen-28h-max": 5,
    "sivi-gen-28-vlg": 3,
    "sivi-gen-27": 1,
    "sivi-gen-27i": 1,
}
"""Design models: credits per design (the least, where the page says "or more")."""

LANGUAGES: Final = frozenset(
    (
        "english, arabic, bengali, chinese, hindi, greek, hebrew, kannada, khmer, korean, malayalam, burmese, oriya, "
        "sinhala, tamil, telugu, thai, tibetan, vietnamese, spanish, german, french, portuguese, urdu, indonesian, "
        "marathi, turkish, afrikaans, albanian, assamese, azerbaijani, basque, bulgarian, catalan, croatian, danish, "
        "dutch, estonian, finnish, galician, hungarian, igbo, italian, latvian, lithuanian, macedonian, malagasy, "
        "nepali, oromo, polish, punjabi, romanian, russian, serbian, shona, slovak, somali, swedish, bosnian, czech, "
        "esperanto, ewe, filipino, welsh, yoruba, zulu, konkani, slovenian, hawaiian, kinyarwanda, luxembourgish, "
        "maltese, swahili, uzbek, persian, armenian, icelandic, irish, lingala, pashto, yiddish, gujarati, japanese, "
        "scottish gaelic, norwegian, faroese, kabuverdianu, makonde, kalenjin, friulian "
    )
    .strip()
    .split(", ")
)
"""Languages of a design's words."""
