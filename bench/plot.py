# SPDX-License-Identifier: MIT
"""Bars as SVG, readable on light and on dark ground. No library."""

from xml.sax.saxutils import escape

WIDTH, MARGIN = 720, 16
LABEL = 210  # px for the names
VALUE = 80  # px for the figures behind the bars
BAR, GAP, HEADING = 14, 5, 30
LONGEST = WIDTH - 2 * MARGIN - LABEL - VALUE

STYLE = '''
text { font: 12px sans-serif; fill: #24292f }
.heading { font-weight: bold }
.bar { fill: #9aa4af }
.ours { fill: #2f6fd0 }
.range { stroke: #24292f; stroke-width: 1 }
@media (prefers-color-scheme: dark) {
text { fill: #d0d7de }
.bar { fill: #6e7781 }
.ours { fill: #539bf5 }
.range { stroke: #d0d7de }
}
'''


def _bar(label, values, scale, y, ours):
    """values: least, median, most, of which the last may end at the edge."""
    least, middle, most = (LABEL + MARGIN + min(value * scale, LONGEST) for value in values)
    centre = y + BAR / 2
    figure = f'{values[1]:.0f}' if values[1] >= 100 else f'{values[1]:.3g}'
    return [
        f'<text x="{LABEL + MARGIN - 8}" y="{y + 11}" text-anchor="end">{escape(label)}</text>',
        f'<rect class="bar{" ours" if ours else ""}" x="{LABEL + MARGIN}" y="{y}" '
        f'width="{middle - LABEL - MARGIN:.1f}" height="{BAR}" rx="2"/>',
        f'<line class="range" x1="{least:.1f}" x2="{most:.1f}" y1="{centre}" y2="{centre}"/>',
        f'<text x="{max(middle, most) + 6:.1f}" y="{y + 11}">{figure}</text>',
    ]


def write(path, panels):
    """Writes panels of bars below each other: (heading, [(label, (least, median, most), ours)])."""
    drawn, y = [], MARGIN
    for heading, bars in panels:
        scale = LONGEST * 0.9 / max(values[1] for _, values, _ in bars)
        drawn.append(f'<text class="heading" x="{MARGIN}" y="{y + 12}">{escape(heading)}</text>')
        y += HEADING - 8
        for label, values, ours in bars:
            drawn += _bar(label, values, scale, y, ours)
            y += BAR + GAP
        y += HEADING - 14
    with open(path, 'w', encoding='ascii') as svg:
        svg.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" '
                  f'width="{WIDTH}" height="{y}">\n<style>{STYLE}</style>\n')
        svg.write('\n'.join(drawn) + '\n</svg>\n')
