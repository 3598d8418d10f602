// One pass over a file. The caller's thread reads a chunk, hands it to the hashing thread and looks at its tensors
// while that one hashes: SHA-256 takes as long as all the rest together.
#include "src/content/read_content.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <mutex>
#include <numeric>
#include <system_error>
#include <thread>

#include "formats/snapshot.h"
#include "src/content/digest.h"
#include "src/content/tensor_scan.h"

namespace weigh::core {

namespace {

constexpr std::size_t kChunks = 3;
constexpr std::size_t kFront = 64;  // room for the overlap, and the rest of a cache line
static_assert(kFront >= kPieceOverlap);

// A plain file that is read once from front to back.
class Stream {
 public:
  explicit Stream(const std::string& path) {
    // O_NONBLOCK: opening a named pipe must fail below instead of waiting for a writer.
    descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor_ < 0) throw IoError(std::string("cannot be opened: ") + std::strerror(errno));
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) {
      ::close(descriptor_);
      throw IoError("is not a regular file");
    }
    size_ = static_cast<std::uint64_t>(status.st_size);
    ::posix_fadvise(descriptor_, 0, 0, POSIX_FADV_SEQUENTIAL);
  }
  ~Stream() { ::close(descriptor_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  [[nodiscard]] std::uint64_t size() const { return size_; }

  void read(std::uint64_t offset, std::span<std::byte> into) const {
    while (!into.empty()) {
      const ssize_t got = ::pread(descriptor_, into.data(), into.size(), static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw IoError(std::string("cannot be read: ") + std::strerror(errno), offset);
      if (got == 0) throw IoError("the file became shorter while it was read", offset);
      into = into.subspan(static_cast<std::size_t>(got));
      offset += static_cast<std::uint64_t>(got);
    }
  }

  /// The disk may fetch these bytes while the ones before are worked on.
  void expect(std::uint64_t offset, std::uint64_t length) const {
    ::posix_fadvise(descriptor_, static_cast<off_t>(offset), static_cast<off_t>(length), POSIX_FADV_WILLNEED);
  }

 private:
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

// The hashes of the file as a whole.
class FileHash {
 public:
  FileHash(const ContentOptions& options, std::uint64_t file_bytes) {
    if (options.sha256) sha256_.emplace(DigestKind::Sha256);
    if (!options.git_id) return;
    git_id_.emplace(DigestKind::Sha1);
    const std::string head = "blob " + std::to_string(file_bytes);
    git_id_->add(std::as_bytes(std::span(head.c_str(), head.size() + 1)));
  }

  [[nodiscard]] bool wanted() const { return sha256_ || git_id_; }

  void add(std::span<const std::byte> bytes) {
    if (sha256_) sha256_->add(bytes);
    if (git_id_) git_id_->add(bytes);
  }

  void finish(Content& content) {
    if (sha256_) content.sha256 = hex(sha256_->take());
    if (git_id_) content.git_id = hex(git_id_->take());
  }

 private:
  std::optional<ContentDigest> sha256_, git_id_;
};

// Hashes chunks in their order in a thread of its own. The bytes of a chunk must stay as they are until it is hashed,
// and at most kChunks may wait.
class HashThread {
 public:
  explicit HashThread(FileHash& hash) : hash_(hash) {
    try {
      thread_ = std::thread([this] { work(); });
    } catch (const std::system_error&) {  // the system has no room for another: the caller's does the work
    }
  }
  ~HashThread() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }
  HashThread(const HashThread&) = delete;
  HashThread& operator=(const HashThread&) = delete;

  void hand_over(std::span<const std::byte> bytes) {
    if (!thread_.joinable()) return hash_.add(bytes);
    {
      const std::lock_guard lock(mutex_);
      waiting_[handed_++ % kChunks] = bytes;
    }
    changed_.notify_all();
  }

  /// Returns when at most `kept` chunks are not yet hashed.
  void wait_until_left(std::uint64_t kept) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return handed_ - hashed_ <= kept; });
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return stopped_ || hashed_ < handed_; });
      if (stopped_) return;
      const std::span<const std::byte> bytes = waiting_[hashed_ % kChunks];
      lock.unlock();
      hash_.add(bytes);
      lock.lock();
      ++hashed_;
      changed_.notify_all();
    }
  }

  FileHash& hash_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::array<std::span<const std::byte>, kChunks> waiting_;
  std::uint64_t handed_ = 0, hashed_ = 0;
  bool stopped_ = false;
  std::thread thread_;  // last: it uses all of the above
};

void check_is_plain(const Stream& stream, const ModelFile& file) {
  std::array<std::byte, 4> head{};
  if (stream.size() >= head.size()) {
    stream.read(0, head);
    if (looks_like_zstd(head)) throw NotCheckable("is compressed or a snapshot: its weights are not read");
  }
  if (stream.size() != file.file_bytes) {
    throw IoError(fault("file size", std::to_string(stream.size()) + " bytes",
                        std::to_string(file.file_bytes) + ", as when its header was read"));
  }
}

}  // namespace

Content read_content(const std::string& path, const ModelFile& file, const ContentOptions& options,
                     const ContentProgress& progress) {
  const Stream stream(path);
  check_is_plain(stream, file);
  const std::uint64_t size = stream.size();
  const auto chunk =
      static_cast<std::size_t>(std::min<std::uint64_t>(std::max<std::size_t>(options.chunk_bytes, 1), size));

  TensorScan scan(file, options);
  FileHash hash(options, size);
  std::array<std::vector<std::byte>, kChunks> buffers;
  std::optional<HashThread> thread;  // a file of one chunk is not worth it
  if (hash.wanted() && chunk < size) thread.emplace(hash);

  std::size_t turn = 0;
  const std::byte* last_end = nullptr;
  for (std::uint64_t begin = 0; begin < size; begin += chunk, turn = (turn + 1) % kChunks) {
    const std::uint64_t end = begin + std::min<std::uint64_t>(chunk, size - begin);
    std::vector<std::byte>& buffer = buffers[turn];
    if (thread) thread->wait_until_left(kChunks - 1);
    buffer.resize(kFront + chunk);
    // What precedes a chunk, chunks shorter than that included, ends where the last chunk ended.
    if (begin > 0) std::copy_n(last_end - kPieceOverlap, kPieceOverlap, buffer.begin() + kFront - kPieceOverlap);
    const std::span<std::byte> bytes(buffer.data() + kFront, end - begin);
    last_end = bytes.data() + bytes.size();
    stream.expect(end, 2 * std::uint64_t{chunk});
    stream.read(begin, bytes);
    if (thread) {
      thread->hand_over(bytes);
    } else {
      hash.add(bytes);
    }
    scan.look({bytes.data(), begin, end});
    if (progress) progress(end - begin);
  }
  if (thread) thread->wait_until_left(0);

  Content content;
  content.bytes_read = size;
  hash.finish(content);
  scan.finish(content);
  return content;
}

namespace {

ContentResult read_job(const ContentJob& job, const ContentProgress& progress) {
  ContentResult result;
  try {
    result.content = read_content(job.path, *job.file, job.options, progress);
  } catch (const NotCheckable& error) {
    result.problem = error.what();
    result.not_checkable = true;
  } catch (const Error& error) {
    result.problem = error.what();
  }
  return result;
}

}  // namespace

std::vector<ContentResult> read_contents(std::span<const ContentJob> jobs, unsigned threads,
                                         const ContentProgress& progress) {
  std::vector<std::size_t> order(jobs.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::ranges::greater(), [&](std::size_t job) { return jobs[job].file->file_bytes; });

  std::vector<ContentResult> results(jobs.size());
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::exception_ptr error;  // what is no fault of a file: no memory, or `progress` wants an end
  const ContentProgress told = [&](std::uint64_t bytes) {
    const std::lock_guard lock(mutex);
    if (error) std::rethrow_exception(error);
    if (progress) progress(bytes);
  };
  const auto work = [&] {
    try {
      for (std::size_t i = next++; i < order.size(); i = next++) results[order[i]] = read_job(jobs[order[i]], told);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!error) error = std::current_exception();
    }
  };
  const std::size_t wanted = std::min<std::size_t>(threads, jobs.size());
  std::vector<std::thread> crew;
  crew.reserve(wanted);
  try {
    while (crew.size() + 1 < wanted) crew.emplace_back(work);
  } catch (const std::system_error&) {  // the system has no room for more: those that are there do the work
  }
  work();
  for (std::thread& thread : crew) thread.join();
  if (error) std::rethrow_exception(error);
  return results;
}

std::string weights_sha256(std::span<const ModelFile> files, std::span<const Content> contents) {
  struct Entry {
    const Tensor* tensor;
    const TensorDigest* digest;
  };
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto& digests = contents[i].tensor_digests;
    if (digests.size() != files[i].tensors.size()) return {};
    for (std::size_t t = 0; t < digests.size(); ++t) entries.push_back({&files[i].tensors[t], &digests[t]});
  }
  std::ranges::sort(entries, [](const Entry& a, const Entry& b) {
    const int order = a.tensor->name.compare(b.tensor->name);
    return order != 0 ? order < 0 : *a.digest < *b.digest;
  });

  ContentDigest all(DigestKind::Sha256);
  for (const auto& [tensor, digest] : entries) {
    all.add_text(tensor->name);
    all.add_text(name(tensor->dtype));
    all.add_number(tensor->shape.size());
    for (const std::uint64_t length : tensor->shape) all.add_number(length);
    all.add(std::as_bytes(std::span(*digest)));
  }
  return hex(all.take());
}

}  // namespace weigh::core
