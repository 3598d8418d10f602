#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace weigh::core {

/// Threads that work off tasks; fewer than asked for where the system has no room for more, and the caller's own where it
/// has for none. The first exception of a task ends the work and is thrown by finish().
class ThreadPool {
 public:
  using Task = std::function<void()>;

  explicit ThreadPool(unsigned threads) {
    threads_.reserve(threads);
    try {
      for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
    } catch (const std::system_error&) {
      alone_ = threads_.empty();
    }
  }
  ~ThreadPool() {
    stop(nullptr);
    for (std::thread& thread : threads_) thread.join();
  }
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// Adds a task for later; blocks while kMaxWaiting of them are waiting. False when the work has ended.
  bool add(Task task) {
    if (alone_) return run(task);
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return stopped_ || tasks_.size() < kMaxWaiting; });
    if (stopped_) return false;
    tasks_.push_back(std::move(task));
    lock.unlock();
    ready_.notify_one();
    return true;
  }

  /// Adds a task before everything that waits, and does not block: for a task that is split into several.
  void add_first(Task task) {
    if (alone_) return static_cast<void>(run(task));
    std::unique_lock lock(mutex_);
    if (stopped_) return;
    tasks_.push_front(std::move(task));
    lock.unlock();
    ready_.notify_one();
  }

  [[nodiscard]] bool stopped() {
    const std::lock_guard lock(mutex_);
    return stopped_;
  }

  /// Blocks until all tasks are done, those they added included. Throws what one of them threw.
  void finish() {
    {
      std::unique_lock lock(mutex_);
      idle_.wait(lock, [&] { return stopped_ || (tasks_.empty() && busy_ == 0); });
    }
    stop(nullptr);
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    if (error_) std::rethrow_exception(error_);
  }

 private:
  static constexpr std::size_t kMaxWaiting = 256;

  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      ready_.wait(lock, [&] { return stopped_ || !tasks_.empty(); });
      if (stopped_) return;
      Task task = std::move(tasks_.front());
      tasks_.pop_front();
      ++busy_;
      // Who waits for room is woken once for many tasks, not for each.
      const bool has_room = tasks_.size() == kMaxWaiting / 2;
      lock.unlock();
      if (has_room) room_.notify_all();
      run(task);
      task = nullptr;
      lock.lock();
      --busy_;
      if (tasks_.empty() && busy_ == 0) idle_.notify_all();
    }
  }

  /// Returns whether the work goes on.
  bool run(const Task& task) {
    if (stopped()) return false;
    try {
      task();
      return true;
    } catch (...) {
      stop(std::current_exception());
      return false;
    }
  }

  void stop(std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    if (error && !error_) error_ = std::move(error);
    stopped_ = true;
    ready_.notify_all();
    room_.notify_all();
    idle_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable ready_, room_, idle_;
  std::deque<Task> tasks_;
  std::vector<std::thread> threads_;
  std::size_t busy_ = 0;
  bool stopped_ = false;
  bool alone_ = false;
  std::exception_ptr error_;
};

}  // namespace weigh::core
