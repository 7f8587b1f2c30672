"""What people see: one look, in Indonesian and English, under one strict policy, without any outside address.

```
templates/*.html ──────────┐                     texts/id.toml, texts/en.toml
apps/<extension>/*.html ───┴► environment ◄──────────────┘
                                  │
values ─► Pages.render ───────────┴─► Response   (`http` adds the policy: see `headers`)
assets/* ─► AssetFolder ─► /assets/<owner>/<digest of the folder>/<file>   compressed, kept for ever by browsers

catalogue's JSON Schema ─► forms/drawing ─► form_fields.html ─► posted fields ─► forms/reading ─► the JSON form
```

What came from elsewhere is listed in `assets/vendored.toml` with version, licence and hash.
"""

from gateway.pages.assets import AssetFolder, core_assets
from gateway.pages.headers import CONTENT_SECURITY, PAGE_HEADERS
from gateway.pages.language import LANGUAGES, language_of
from gateway.pages.pages import HTML, Pages, Reader

__all__ = [
    "CONTENT_SECURITY",
    "HTML",
    "LANGUAGES",
    "PAGE_HEADERS",
    "AssetFolder",
    "Pages",
    "Reader",
    "core_assets",
    "language_of",
]
