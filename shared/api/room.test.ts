import { expect, test } from "vitest";
import { CallerGone } from "./http-message.ts";
import { Room, Rooms } from "./room.ts";

const never = new AbortController().signal;

test("ROOM-1: requests enter in their order as far as there is room, and one whose caller has gone leaves", async () => {
  const rooms = new Rooms();
  const entered: number[] = [];
  const gone = new AbortController();
  const enter = async (id: number, reads: "page" | "whole run", signal = never) => {
    const room = new Room(rooms, () => signal);
    await room.take(reads);
    entered.push(id);
    return room;
  };
  const first = await enter(1, "whole run");
  const second = await enter(2, "whole run");
  const third = enter(3, "whole run", gone.signal);
  const pages = [4, 5].map((id) => enter(id, "page"));
  await Promise.resolve();
  expect(entered).toEqual([1, 2]); // a page does not overtake
  gone.abort();
  await expect(third).rejects.toThrow(CallerGone);
  first.leave();
  first.leave();
  const [fourth] = await Promise.all(pages);
  expect(entered).toEqual([1, 2, 4, 5]);
  const sixth = enter(6, "whole run");
  fourth!.leave();
  await Promise.resolve();
  expect(entered).not.toContain(6); // six of eight shares are free beside the second
  (await pages[1]!).leave();
  await sixth;
  second.leave();
  await enter(7, "whole run");
  await expect(enter(8, "page", gone.signal)).rejects.toThrow(CallerGone);
});

test("ROOM-1: the keys take turns, so one that asks often delays another by one read", async () => {
  const rooms = new Rooms();
  const entered: string[] = [];
  const enter = async (name: string) => {
    const room = new Room(rooms, () => never);
    room.key = name[0]!;
    await room.take("whole run");
    entered.push(name);
    return room;
  };
  const many = ["a1", "a2", "a3", "a4", "a5"].map(enter);
  const other = ["b1", "c1", "b2"].map(enter);
  for (const room of [...many.slice(0, 3), other[0]!, other[1]!, many[3]!, other[2]!]) (await room).leave();
  await Promise.all([...many, ...other]);
  expect(entered).toEqual(["a1", "a2", "a3", "b1", "c1", "a4", "b2", "a5"]);
});
