"""A window that shows the portrait: tkinter, which comes with most Pythons. On the main thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..arrays import UInt8
from ..errors import DeviceError
from .renderer import Newest

POLL_MS = 8
MISSING = "A window needs tkinter (Debian, Ubuntu: python3-tk) and a display: --page shows the picture in a browser."


class Window:
    """Shows the newest picture until it is closed. Keys: C calibrates, Q or Escape ends."""

    def __init__(self, newest: Newest[UInt8], title: str, calibrate: Callable[[], None]) -> None:
        """Raises: DeviceError: there is no tkinter or no display."""
        try:
            import tkinter

            self._root: Any = tkinter.Tk()
        except (ImportError, RuntimeError) as error:
            raise DeviceError(MISSING) from error
        except tkinter.TclError as error:
            raise DeviceError(MISSING) from error
        self._tk = tkinter
        self._newest, self._seen = newest, 0
        self._root.title(title)
        self._label = tkinter.Label(self._root, background="#222222", borderwidth=0)
        self._label.pack(expand=True, fill="both")
        self._picture: Any = None
        self.closed = False
        for key in ("c", "C", "<space>"):
            self._root.bind(key, lambda _: calibrate())
        for key in ("q", "Q", "<Escape>"):
            self._root.bind(key, lambda _: self.close())
        self._root.protocol("WM_DELETE_WINDOW", self.close)

    def run(self, idle: Callable[[], bool]) -> None:
        """Show pictures until the window is closed or `idle`, asked many times a second, says that it is over."""

        def step() -> None:
            if self.closed:
                return
            if idle():
                self.close()
                return
            self.update()
            self._root.after(POLL_MS, step)

        step()
        self._root.mainloop()

    def update(self) -> None:
        """Show the newest picture, where there is a newer one."""
        number, srgb = self._newest.wait(self._seen, 0.0)
        if srgb is not None and number != self._seen:
            self._seen = number
            data = b"P6 %d %d 255 " % (srgb.shape[1], srgb.shape[0]) + srgb.tobytes()
            self._picture = self._tk.PhotoImage(data=data, format="ppm")
            self._label.configure(image=self._picture)

    def close(self) -> None:
        """End `run`."""
        if not self.closed:
            self.closed = True
            self._root.destroy()


def available() -> str:
    """ "works", or why there is no window here."""
    try:
        import tkinter

        tkinter.Tk().destroy()
    except Exception as error:
        return f"none here ({' '.join(str(error).split())[:80]}): --page shows the picture in a browser"
    return "works"
