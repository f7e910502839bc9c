/**
 * The milliseconds for which processors have worked for this process so far. Unlike a clock it stands still while others
 * have their turn, so however busy the machine is, what is measured with it costs what it costs.
 */
export function processorTime(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}
