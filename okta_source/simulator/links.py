"""The `Link` header in every form that Okta, its documentation or a proxy in front of it has been seen to use."""

FORMS = ("joined", "separate", "self_last", "unquoted_rel", "extra_params", "quoted_params", "comma_in_url", "next_only")

_TEMPLATES = {
    "unquoted_rel": "<{}>; rel={}",
    "extra_params": '<{}>; title="events"; rel="{}"; type="application/json"',
    # Separators inside a quoted value, as RFC 8288 allows; few parsers get it right.
    "quoted_params": '<{}>; title="events, all; \\"of\\" them"; rel="{}"',
}


def link_headers(self_url: str, next_url: str | None, form: str) -> list[str]:
    """The values of the `Link` headers, one per header line.

    Args:
        self_url: URL of this page.
        next_url: URL of the next page; None when there is none.
        form: One of `FORMS`. `comma_in_url` joins the two as `joined` does; the comma itself is in the cursor.

    Raises:
        ValueError: `form` is unknown.
    """
    if form not in FORMS:
        message = f"unknown link form {form!r}; known: {', '.join(FORMS)}"
        raise ValueError(message)
    template = _TEMPLATES.get(form, '<{}>; rel="{}"')
    own = template.format(self_url, "self")
    if not next_url:
        return [] if form == "next_only" else [own]
    following = template.format(next_url, "next")
    match form:
        case "separate":
            return [own, following]
        case "self_last":
            return [f"{following}, {own}"]
        case "next_only":
            return [following]
        case _:
            return [f"{own}, {following}"]
