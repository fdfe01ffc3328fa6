/**
 * Texts whose colour is too near to what lies behind them, computed from the styles of the page: axe finds the same from the
 * painted order, at twenty times the cost. WCAG 2.2, 1.4.3: 4.5 to 1, and 3 to 1 for large text.
 */
import type { Page } from "playwright-core";

export const tooFaintOn = (page: Page): Promise<string[]> => page.evaluate<string[]>(`(${faintTexts})()`);

/** Runs in the page. */
const faintTexts = `function () {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const known = new Map();
  const rgba = (text) => {
    let colour = known.get(text);
    if (!colour) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = text;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
      colour = [r, g, b, a / 255];
      known.set(text, colour);
    }
    return colour;
  };
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
  const linear = (part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const ground = rgba(getComputedStyle(document.documentElement).backgroundColor);
  /** What lies behind the content of an element, and how opaque it all is. */
  const grounds = new Map();
  const behind = (one) => {
    if (!one) return { colour: over(ground, [255, 255, 255]), opacity: 1 };
    let found = grounds.get(one);
    if (!found) {
      const style = getComputedStyle(one);
      const { colour, opacity } = behind(one.parentElement);
      found = { colour: over(rgba(style.backgroundColor), colour), opacity: opacity * Number(style.opacity) };
      grounds.set(one, found);
    }
    return found;
  };
  const faint = [];
  for (const one of document.body.querySelectorAll("*")) {
    const isField = /^(INPUT|TEXTAREA|SELECT)$/.test(one.tagName) && one.value !== "" && one.type !== "checkbox";
    const text = [...one.childNodes].filter(({ nodeType }) => nodeType === 3).map(({ data }) => data.trim()).join(" ").trim();
    if (!isField && text === "") continue;
    if (one.closest(":disabled, [aria-disabled=true], [aria-hidden=true], script, style, option")) continue;
    if (!one.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    const { width, height } = one.getBoundingClientRect();
    if (width <= 1 || height <= 1) continue; // for screen readers alone
    const style = getComputedStyle(one);
    const { colour, opacity } = behind(one);
    const [r, g, b, a] = rgba(style.color);
    const [light, dark] = [luminance(over([r, g, b, a * opacity], colour)), luminance(colour)].sort((x, y) => y - x);
    const ratio = (light + 0.05) / (dark + 0.05);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (isLarge ? 3 : 4.5)) faint.push(ratio.toFixed(2) + " " + one.outerHTML.slice(0, 160));
  }
  return faint;
}`;
