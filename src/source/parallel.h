#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <system_error>
#include <thread>
#include <vector>

namespace weigh::core {

/// Calls `work(i)` for every i below `count`, up to `most` at once; returns when all are done. `work` must not throw.
/// Where there is no room for threads, fewer do it.
template <typename Work>
void at_once(std::size_t count, std::size_t most, const Work& work) {
  std::atomic<std::size_t> next{0};
  const auto take = [&] {
    for (std::size_t i = next++; i < count; i = next++) work(i);
  };
  std::vector<std::thread> threads;
  const std::size_t wanted = std::min(count, most);
  threads.reserve(wanted);
  try {
    while (threads.size() + 1 < wanted) threads.emplace_back(take);
  } catch (const std::system_error&) {  // those that there are will do
  }
  take();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace weigh::core
