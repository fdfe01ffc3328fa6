/** What a part of the page looks like, as numbers: pixels of its picture, read by the browser itself. */
import type { Locator } from "playwright-core";

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** From 0, black, to 1, white. */
  readonly light: readonly number[];
  /** The greatest difference between red, green and blue of one pixel, from 0 to 255. */
  readonly colour: number;
}

/** Pictures of parts of one page, all in sight, from one picture of the smallest piece of the page that has them. */
export async function picturesOf(parts: readonly Locator[]): Promise<Picture[]> {
  const page = (parts[0] as Locator).page();
  const boxes = (await Promise.all(parts.map((part) => part.boundingBox()))).map((box) => box!);
  const x = Math.floor(Math.min(...boxes.map((box) => box.x)));
  const y = Math.floor(Math.min(...boxes.map((box) => box.y)));
  const width = Math.ceil(Math.max(...boxes.map((box) => box.x + box.width))) - x;
  const height = Math.ceil(Math.max(...boxes.map((box) => box.y + box.height))) - y;
  const png = (await page.screenshot({ animations: "disabled", clip: { x, y, width, height } })).toString("base64");
  const places = boxes.map((box) => ({ ...box, x: box.x - x, y: box.y - y }));
  return page.evaluate<Picture[]>(`(async () => {
    const bytes = Uint8Array.from(atob("${png}"), (c) => c.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    const context = new OffscreenCanvas(image.width, image.height).getContext("2d", { willReadFrequently: true });
    context.drawImage(image, 0, 0);
    const linear = (v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
    const pictureOf = (box) => {
      const [x, y, width, height] = [box.x, box.y, box.width, box.height].map((n) => Math.round(n * devicePixelRatio));
      const { data } = context.getImageData(x, y, width, height);
      const light = [];
      let colour = 0;
      for (let i = 0; i < data.length; i += 4) {
        const [r, g, b] = [data[i], data[i + 1], data[i + 2]];
        light.push(0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b));
        colour = Math.max(colour, Math.max(r, g, b) - Math.min(r, g, b));
      }
      return { width, height, light, colour };
    };
    return ${JSON.stringify(places)}.map(pictureOf);
  })()`);
}

/** The contrast between the lightest and the darkest pixel, as WCAG counts it. */
export function contrastOf({ light }: Picture): number {
  let [least, most] = [1, 0];
  for (const one of light) {
    least = Math.min(least, one);
    most = Math.max(most, one);
  }
  return (most + 0.05) / (least + 0.05);
}

/** Which pixels belong to the sign: those nearer to the pixel that differs most from the ground, which is in the corner. */
function signOf({ light }: Picture): boolean[] {
  const ground = light[0] as number;
  const far = light.reduce((most, one) => (Math.abs(one - ground) > Math.abs(most - ground) ? one : most), ground);
  return light.map((one) => Math.abs(one - far) < Math.abs(one - ground));
}

/** Of the pixels that belong to one sign or the other, the part that belongs to one alone: 0 for the same sign, 1 for strangers. */
export function shapesDiffer(a: Picture, b: Picture): number {
  const [one, other] = [signOf(a), signOf(b)];
  const width = Math.min(a.width, b.width);
  const height = Math.min(a.height, b.height);
  let [different, either] = [0, 0];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [here, there] = [one[y * a.width + x], other[y * b.width + x]];
      if (here || there) either++;
      if (here !== there) different++;
    }
  return different / Math.max(1, either);
}
