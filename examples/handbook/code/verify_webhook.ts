// Checks that a delivery really comes from a Coldharrow server. Needs Node.js 20 and no packages.
import { createHmac, timingSafeEqual } from "node:crypto";

/** Deliveries whose clock differs from ours by more than this are refused. */
export const MAX_AGE_S = 300;

export interface Delivery {
  /** The header X-Harrow-Time, in seconds since 1970. */
  time: string;
  /** The header X-Harrow-Signature, in lower-case hexadecimal. */
  signature: string;
  /** The raw body, before any JSON parser has touched it. */
  body: Buffer;
}

/** Return whether the signature is right and the delivery is fresh. */
export function isGenuine(delivery: Delivery, secret: string, nowS: number): boolean {
  const sentS = Number(delivery.time);
  if (!Number.isInteger(sentS) || Math.abs(nowS - sentS) > MAX_AGE_S) {
    return false;
  }
  const expected = createHmac("sha256", secret)
    .update(`${delivery.time}.`)
    .update(delivery.body)
    .digest();
  const received = Buffer.from(delivery.signature, "hex");
  // timingSafeEqual throws on different lengths, so the length is compared first.
  return received.length === expected.length && timingSafeEqual(received, expected);
}
