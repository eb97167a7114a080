"""The table of contents is made of the headings."""

from digits.rendering.contents import contents


def test_headings_of_the_third_order_stand_below_those_of_the_second() -> None:
    page = (
        '<h1 id="top">Top</h1><h2 id="a">A &amp; <code>b</code></h2><h3 id="a:-1">1</h3><h3 id="a-2">2</h3>'
        '<h2 id="c">C</h2><h2>no id</h2>'
    )
    assert contents(page) == (
        '<ol><li><a href="#a">A &amp; b</a><ol><li><a href="#a:-1">1</a></li><li><a href="#a-2">2</a></li></ol></li>'
        '<li><a href="#c">C</a></li></ol>'
    )
    assert contents("<p>text</p>") == "<ol></ol>"
