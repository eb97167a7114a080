"""What is data on the page is shown as it is, and what is Markdown there holds no HTML."""

import pytest
from digits.rendering.inert import markdown_to_html, require_inert
from digits.rendering.page import code, escaped
from page import Page

NAMES = (
    *("<meta http-equiv=refresh content=0;url=https://example.org>", "<iframe srcdoc=x>", "# heading", "a|b", "*a*"),
    *("[a](javascript:alert(1))", "![x](https://example.org/x.png)", "</script><b>", "`code`", "$x^2$", "_b_", "&amp;"),
    *(
        "{{ x }}",
        "&#60;",
        r"\(x\)",
        r"\\[x\\]",
        "$$x$$",
        r"\begin{a}",
        "https://example.org",
        "1. x",
        "- x",
        "~~x~~",
        "x\\",
    ),
)
PLACES = ("{}", "# {}", "- {} ({})", "**{}: {}.** {}", "| a |\n|---|\n| {} |", "one\n{}", "> {}")


@pytest.mark.parametrize("place", PLACES)
def test_a_name_is_shown_as_it_is_wherever_markdown_has_it(place: str) -> None:
    for name in NAMES:
        page = Page(markdown_to_html(place.replace("{}", escaped(name))))
        shown = "".join(page.text.values())
        assert shown.count(name) >= place.count("{}"), (name, shown)
        assert {tag for tag, _ in page.elements} == {
            tag for tag, _ in Page(markdown_to_html(place.replace("{}", "x"))).elements
        }


def test_a_line_in_a_name_begins_nothing() -> None:
    assert markdown_to_html(escaped("a\n\n# b\n")) == "<p>a # b</p>\n"


@pytest.mark.parametrize("text", ["a", "`", "a``b`", "<b>", "$x$", "*a*"])
def test_code_is_shown_as_it_is(text: str) -> None:
    assert Page(markdown_to_html(code(text))).text["code"] == text


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("<iframe srcdoc=x>\n\n<b>x</b>", "<p>&lt;iframe srcdoc=x&gt;</p>\n<p>&lt;b&gt;x&lt;/b&gt;</p>\n"),
        ("**a** <i>b</i> &lt;", "<p><strong>a</strong> &lt;i&gt;b&lt;/i&gt; &lt;</p>\n"),
        (
            "[a](https://a.org) [b](JavaScript:x)",
            '<p><a href="https://a.org">a</a> <a href="#harmful-link">b</a></p>\n',
        ),
        ("![a <b>](https://a.org/x.png)", "<p>a &lt;b&gt;</p>\n"),
        ("```mermaid\n<b>\n```", "<pre><code>&lt;b&gt;\n</code></pre>\n"),
        ("```html\n<b>\n```", "<pre><code>&lt;b&gt;\n</code></pre>\n"),
        ("$$<b>$$", "<p>$$&lt;b&gt;$$</p>\n"),
        ("<!-- contents -->", "<p>&lt;!-- contents --&gt;</p>\n"),
    ],
)
def test_markdown_holds_no_html(markdown: str, html: str) -> None:
    assert markdown_to_html(markdown) == html


def test_an_aligned_table_has_no_style_of_its_own() -> None:
    assert "style" not in markdown_to_html("| a |\n|:-:|\n| b |")


@pytest.mark.parametrize(
    "fault",
    [
        *("<meta http-equiv=refresh content=0>", "<iframe srcdoc=x>", "<object data=x>", "<embed>", "<base href='#'>"),
        *(
            "<form>",
            "<link>",
            "<script>x</script>",
            "<style>x</style>",
            "<p style='x'>",
            "<p onclick=x>",
            "<img src=x>",
        ),
        *("<a href='javascript:x'>", "<svg><a xlink:href='https://x'>", "<IFRAME>", "<script type=module>x</script>"),
    ],
)
def test_a_page_with_anything_else_is_not_written(fault: str) -> None:
    fine = "<meta http-equiv='Content-Security-Policy'><style>ours</style><a href='#a'>a</a><img src='data:x'>"
    fine += "<script>ours</script><script type='application/json'>{}</script>"
    require_inert(fine, ["ours"], "ours")
    with pytest.raises(AssertionError, match="the page holds what it must not: "):
        require_inert(fine + fault, ["ours"], "ours")
