/** Loaded before a gateway: its wall clock is CLOCK_AHEAD_MS ahead, as that of a node whose time is not kept. */
const aheadMs = Number(process.env.CLOCK_AHEAD_MS ?? 0);
const realNow = Date.now;
Date.now = () => realNow() + aheadMs;
