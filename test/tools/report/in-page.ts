/** Questions to a page in a browser, as scripts that run there. */

/** Elements with text of their own that is hard to read: less contrast than WCAG 2.2, 1.4.3 asks for. */
export const FAINT = `(() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = (color) => {
    const [r, g, b] = channels(color).slice(0, 3).map((it) => it / 255)
      .map((it) => (it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const backgroundOf = (element) => {
    for (let it = element; it !== null; it = it.parentElement) {
      const color = getComputedStyle(it).backgroundColor;
      if ((channels(color)[3] ?? 1) > 0) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  const hasText = (it) => [...it.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== '');
  return [...document.querySelectorAll('body *')].filter(hasText).flatMap((it) => {
    if (['title', 'desc'].includes(it.localName)) return [];
    const style = getComputedStyle(it);
    const [a, b] = [luminance(it.localName === 'text' ? style.fill : style.color), luminance(backgroundOf(it))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    return contrast < 4.5 ? [it.textContent + ': ' + contrast.toFixed(2)] : [];
  });
})()`;

/** Elements that stand beyond the edge of the page, or whose text is cut off. */
export const BEYOND = `[...document.querySelectorAll('body *')].flatMap((it) => {
  const { left, right } = it.getBoundingClientRect();
  const isCut = it.scrollWidth > it.clientWidth + 1 && getComputedStyle(it).overflowX === 'hidden';
  const isHidden = it.closest('.hidden') !== null;
  return !isHidden && (left < 0 || right > innerWidth || isCut) ? [it.localName + ': ' + it.textContent.slice(0, 40)] : [];
})`;
