#include "src/remote/remote_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "formats/checked.h"
#include "formats/text.h"
#include "src/remote/header_cache.h"

namespace weigh::core {

namespace {

// A header of a hundred MiB is the most that a format takes; a file is not worth more.
constexpr std::uint64_t kMostOfFile = std::uint64_t{128} << 20U;
constexpr std::uint64_t kPage = RemoteSource::kFirstRead;
// Before the identity of a head whose vocabulary is another file's.
const std::string kBorrowed = "vocabulary of another file, ";
// What must be alike at the beginning and at the end of a vocabulary that two files share.
constexpr std::uint64_t kAlike = 4096;

struct ContentRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::optional<std::uint64_t> whole;
};

// "bytes 0-65535/5000012345", "bytes 0-65535/*".
std::optional<ContentRange> parse_content_range(std::string_view text) {
  if (!lower(text.substr(0, 6)).starts_with("bytes ")) return std::nullopt;
  text.remove_prefix(6);
  const auto dash = text.find('-');
  const auto slash = text.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || slash < dash) return std::nullopt;
  const auto first = parse_uint(text.substr(0, dash));
  const auto last = parse_uint(text.substr(dash + 1, slash - dash - 1));
  const std::string_view whole = text.substr(slash + 1);
  if (!first || !last || *last < *first) return std::nullopt;
  ContentRange range{*first, *last, parse_uint(whole)};
  if (!range.whole && whole != "*") return std::nullopt;
  if (range.whole && *last >= *range.whole) return std::nullopt;
  return range;
}

// The size in a 416: "bytes */1120".
std::optional<std::uint64_t> size_of_unsatisfied(std::string_view text) {
  constexpr std::string_view kBegin = "bytes */";
  return lower(text.substr(0, kBegin.size())) == kBegin ? parse_uint(text.substr(kBegin.size())) : std::nullopt;
}

}  // namespace

RemoteFile::RemoteFile(std::shared_ptr<RemoteSession> session, RemoteAddress address)
    : session_(std::move(session)), address_(std::move(address)), bytes_(address_.bytes) {}

RemoteFile::~RemoteFile() {
  try {
    if (!failure_ && bytes_ && head_.size() > cached_) {
      cache_head(borrowed_ ? kBorrowed + identity() : identity(), address_.shown, *bytes_, head_);
    }
    // An address says nothing of its content: whoever asks again needs the ETag of what is kept.
    if (address_.content.empty() && !failure_ && bytes_ && !etag_.empty() && head_.size() > cached_) {
      cache_head("etag of " + address_.fetch.url.text(), address_.shown + " (ETag)", etag_.size(), etag_);
    }
  } catch (...) {  // no room for it: the next time the server is asked again
  }
}

std::string RemoteFile::identity() const {
  if (!address_.content.empty()) return fmt::format("{} {}", address_.content, bytes_.value_or(0));
  return etag_.empty() ? std::string() : fmt::format("{} {}", address_.fetch.url.text(), etag_);
}

template <typename Work>
void RemoteFile::guarded(const Work& work) {
  const std::lock_guard lock(mutex_);
  if (failure_) std::rethrow_exception(failure_);
  try {
    begin_from_cache();
    work();
  } catch (const RemoteChanged& changed) {
    head_.clear();
    page_.clear();
    etag_.clear();
    leads_to_.reset();
    bytes_ = address_.bytes;
    cached_ = 0;
    borrowed_ = false;
    if (std::exchange(changed_once_, true)) {
      failure_ = std::make_exception_ptr(IoError("changes again and again while it is read"));
      std::rethrow_exception(failure_);
    }
    throw;
  } catch (const Error&) {
    failure_ = std::current_exception();
    throw;
  }
}

void RemoteFile::begin_from_cache() {
  if (std::exchange(began_, true)) return;
  session_->count_file();
  if (address_.content.empty()) {
    const auto etag = cached_head("etag of " + address_.fetch.url.text());
    if (!etag) return;
    etag_ = etag->head;
  }
  auto cached = cached_head(identity());
  if (!cached || (bytes_ && cached->file_bytes != *bytes_)) {
    etag_.clear();
    return;
  }
  head_ = std::move(cached->head);
  bytes_ = cached->file_bytes;
  cached_ = head_.size();
  if (!address_.content.empty() || session_->offline()) return;
  // Still the same? One byte's range tells where the server does not know If-None-Match.
  Fetch fetch = address_.fetch;
  fetch.headers.push_back({"If-None-Match", etag_});
  fetch.range = ByteRange{0, 1};
  fetch.most_bytes = 1;
  const Fetched fetched = session_->fetch(fetch);
  const int status = fetched.reply.status;
  if (status == 304) return;
  if (status != 200 && status != 206) fail_status(fetched);
  if (fetched.reply.header("etag") == etag_) return;
  head_.clear();
  etag_.clear();
  cached_ = 0;
  bytes_ = address_.bytes;
}

std::uint64_t RemoteFile::at_hand() {
  const std::lock_guard lock(mutex_);
  return head_.size();
}

std::uint64_t RemoteFile::size() {
  guarded([&] { know_size(); });
  return *bytes_;
}

void RemoteFile::know_size() {
  if (!bytes_) extend(RemoteSource::kFirstRead);
}

void RemoteFile::read(std::uint64_t offset, std::span<std::byte> into) {
  guarded([&] {
    know_size();
    const auto end = checked_add(offset, into.size());
    if (!end || *end > *bytes_) throw IoError("reading behind the end of the file", offset);
    if (into.empty()) return;
    if (offset > head_.size() + kPage) return read_elsewhere(offset, into);
    if (*end > head_.size()) extend(*end);
    std::memcpy(into.data(), head_.data() + offset, into.size());
  });
}

std::vector<std::byte> RemoteFile::read_front(std::uint64_t most) {
  std::vector<std::byte> front(static_cast<std::size_t>(std::min(most, size())));
  read(0, front);
  return front;
}

void RemoteFile::borrow(const SharedVocabulary& vocabulary) {
  guarded([&] {
    if (!address_.content.empty() && head_.empty()) {
      if (auto cached = cached_head(kBorrowed + identity()); cached && bytes_ == cached->file_bytes) {
        head_ = std::move(cached->head);
        cached_ = head_.size();
        borrowed_ = true;
        return;
      }
    }
    know_size();
    if (head_.size() < kPage) extend(kPage);
    if (head_.size() == kPage && !ranges_ignored_) borrow_middle(vocabulary);
  });
}

void RemoteFile::borrow_middle(const SharedVocabulary& vocabulary) {
  const std::string_view other(vocabulary.head);
  const std::string_view last = std::string_view(head_).substr(head_.size() - kAlike);
  const auto at = other.find(last);
  // Found twice, or not in the vocabulary: who knows what it is.
  if (at == std::string_view::npos || other.find(last, at + 1) != std::string_view::npos) return;
  const std::uint64_t here = at + kAlike;  // in the other head what the end of ours is
  if (vocabulary.end < here + 2 * kPage) return;
  const std::uint64_t length = vocabulary.end - here - kAlike;
  const std::uint64_t begin = head_.size() + length;
  const std::uint64_t count = other.size() - vocabulary.end + 2 * kAlike;
  if (begin >= *bytes_) return;
  const Piece piece = fetch({begin, std::min(count, *bytes_ - begin)});
  const std::string_view wanted = other.substr(here + length, kAlike);
  if (!piece.bytes.starts_with(wanted)) return;
  head_ += other.substr(here, length);
  head_ += piece.bytes;
  borrowed_ = true;
}

// Makes the head reach to `end`, at least.
void RemoteFile::extend(std::uint64_t end) {
  if (bytes_ && *bytes_ == 0) return;
  if (head_.empty()) end = std::max(end, RemoteSource::kFirstRead);
  if (bytes_) end = std::min(end, *bytes_);
  if (end > kMostOfFile) throw IoError(fmt::format("the first {} bytes would have to be read, more than 128 MiB", end));
  while (head_.size() < end) {
    // Without ranges every answer begins at the beginning.
    const std::uint64_t begin = ranges_ignored_ ? 0 : head_.size();
    Piece piece = fetch({begin, end - begin});
    if (!bytes_) {
      bytes_ = piece.whole;
      if (!bytes_) throw IoError("the server does not say how large the file is");
      end = std::min(end, *bytes_);
    }
    const std::size_t before = head_.size();
    if (begin == 0) {
      head_ = std::move(piece.bytes);
    } else {
      head_ += piece.bytes;
    }
    if (head_.size() <= before && head_.size() < end) throw IoError("ends earlier than the server says");
  }
}

void RemoteFile::read_elsewhere(std::uint64_t offset, std::span<std::byte> into) {
  while (!into.empty()) {
    if (offset < page_at_ || offset >= page_at_ + page_.size()) {
      if (ranges_ignored_)
        throw IoError("the server cannot send a part of the file, and the part is not at its beginning");
      const std::uint64_t count =
          std::clamp<std::uint64_t>(into.size(), std::min(kPage, *bytes_ - offset), kMostOfFile);
      page_.clear();
      Piece piece = fetch({offset, count});
      page_ = std::move(piece.bytes);
      page_at_ = offset;
      if (page_.empty()) throw IoError("ends earlier than the server says", offset);
    }
    const std::string_view there = std::string_view(page_).substr(static_cast<std::size_t>(offset - page_at_));
    const std::size_t count = std::min(there.size(), into.size());
    std::memcpy(into.data(), there.data(), count);
    into = into.subspan(count);
    offset += count;
  }
}

RemoteFile::Piece RemoteFile::fetch(ByteRange range) {
  Fetch fetch = address_.fetch;
  fetch.headers.push_back({"Accept-Encoding", "identity"});
  fetch.range = range;
  fetch.most_bytes = range.count;
  if (leads_to_) {
    fetch.url = *leads_to_;
    Fetched fetched = session_->fetch(fetch);
    // A signed address may have expired: the first one knows another.
    if (fetched.reply.status < 400 || fetched.reply.status == 416) return piece_of(fetched, range);
    leads_to_.reset();
    fetch.url = address_.fetch.url;
  }
  Fetched fetched = session_->fetch(fetch);
  if (fetched.reply.status == 403 && !fetched.hops.empty() && !fetched.url.same_origin(address_.fetch.url)) {
    fetched = session_->fetch(fetch);
  }
  Piece piece = piece_of(fetched, range);
  if (!fetched.hops.empty()) leads_to_ = fetched.url;
  return piece;
}

RemoteFile::Piece RemoteFile::piece_of(const Fetched& fetched, ByteRange range) {
  const HttpReply& reply = fetched.reply;
  const std::string host = fetched.url.host_and_port();
  if (const auto coding = reply.header("content-encoding"); !coding.empty() && lower(coding) != "identity") {
    throw IoError(fmt::format("{} sends the file compressed, which nobody asked for", host));
  }
  if (reply.status == 416) {
    const auto whole = size_of_unsatisfied(reply.header("content-range"));
    if (range.begin == 0 && whole.value_or(0) == 0 && bytes_.value_or(0) == 0) return {{}, 0};
    if (!head_.empty()) throw RemoteChanged("the file became shorter while it was read");
    throw IoError(fmt::format("{} has no bytes from {} on: the file is shorter than was said", host, range.begin));
  }
  if (reply.status != 200 && reply.status != 206) fail_status(fetched);
  Piece piece;
  if (reply.status == 206) {
    const auto served = parse_content_range(reply.header("content-range"));
    if (!served) throw IoError(fmt::format("{} sends a part of the file without saying which", host));
    if (served->first != range.begin || served->last - served->first >= range.count) {
      throw IoError(fmt::format("{} sends bytes {} to {} where {} to {} were asked for", host, served->first,
                                served->last, range.begin, range.begin + range.count - 1));
    }
    if (reply.body.size() != served->last - served->first + 1) {
      throw IoError(
          fmt::format("{} sends {} bytes where it says {}", host, reply.body.size(), served->last - served->first + 1));
    }
    piece.whole = served->whole;
    piece.bytes = reply.body;
  } else {
    const auto length = parse_uint(reply.header("content-length"));
    if (range.begin > 0) {
      if (etag_ != reply.header("etag")) throw RemoteChanged("the file changed while it was read");
      ranges_ignored_ = true;
      head_.clear();
      page_.clear();
      throw RemoteChanged("the server cannot send a part of the file");
    }
    // A whole file that is no longer than what was asked for may come from a server that knows ranges.
    if (reply.cut) ranges_ignored_ = true;
    piece.whole = length ? length : reply.cut ? std::nullopt : std::optional<std::uint64_t>(reply.body.size());
    piece.bytes = reply.body;
    if (piece.whole && piece.bytes.size() < std::min(range.count, *piece.whole)) {
      throw IoError(fmt::format("{} sends {} bytes where it says {}", host, piece.bytes.size(), *piece.whole));
    }
  }
  check_identity(fetched, piece.whole);
  if (!piece.whole) piece.whole = bytes_;
  return piece;
}

// Two answers may be pieces of two files.
void RemoteFile::check_identity(const Fetched& fetched, std::optional<std::uint64_t> whole) {
  if (bytes_ && whole && *whole != *bytes_) {
    if (!head_.empty()) throw RemoteChanged("the file changed its size while it was read");
    // A page about the file is no file of another size.
    if (lower(fetched.reply.header("content-type")).starts_with("text/html")) {
      throw IoError(fmt::format("{} answers with a web page instead of the file: a login page of a proxy?",
                                fetched.url.host_and_port()));
    }
    throw IoError(fmt::format("has {} bytes on the server, where its list says {}", *whole, *bytes_));
  }
  const std::string_view etag = fetched.reply.header("etag");
  if (!etag_.empty() && !etag.empty() && etag != etag_) throw RemoteChanged("the file changed while it was read");
  if (etag_.empty()) etag_ = etag;
}

void RemoteFile::fail_status(const Fetched& fetched) const {
  if (address_.explain) throw IoError(address_.explain(fetched));
  const int status = fetched.reply.status;
  const std::string host = fetched.url.host_and_port();
  if (status == 404 || status == 410) throw IoError(fmt::format("does not exist on {} ({})", host, status));
  if (status == 401 || status == 403) throw IoError(fmt::format("{} does not allow it to be read ({})", host, status));
  throw IoError(fmt::format("{} answers {}", host, status));
}

}  // namespace weigh::core
