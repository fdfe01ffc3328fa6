import { runWorker } from "@sirocco/sdk";
import { bookFlight, bookHotel, cancelFlight, cancelHotel, pay, trip } from "./workflows.ts";

await runWorker({ workflows: [trip], activities: [bookHotel, cancelHotel, bookFlight, cancelFlight, pay] });
