"""What do the plots of a hero look like? An SVG document each: equal evidence gives equal bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from markupsafe import Markup

from reports.model.pictured import ON_PAGE
from reports.model.pictures import Picture
from reports.render.figures import picture_svg

FOLDER = "plots"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """One plot: what is on it, and the SVG document."""

    picture: Picture
    svg: str

    @property
    def name(self) -> str:
        """Of its file, without ending."""
        return self.picture.name

    @property
    def on_page(self) -> bool:
        """Does the page hold it? The others lie beside it."""
        return self.name in ON_PAGE

    @property
    def uri(self) -> Markup:
        """The plot inside a page: one file to send, and no script of an image can run."""
        line = " ".join(self.svg.split("\n")).replace('"', "'")  # no text that is not ours stands in an attribute
        return Markup("data:image/svg+xml," + quote(line, safe=" /:;=,()@!*'<>"))


def plotted(hero: str, pictures: Sequence[Picture]) -> tuple[Plot, ...]:
    """Pictures of a hero, drawn. What was not measured is said in its place."""
    return tuple(Plot(picture=picture, svg=picture_svg(hero, picture)) for picture in pictures)
