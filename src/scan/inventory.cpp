#include "src/scan/inventory.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <utility>

#include "formats/error.h"
#include "src/scan/file_system.h"
#include "src/scan/stored_row.h"

namespace weigh::core {

namespace {

constexpr const char* kSchema = R"(
create table if not exists weigh (key text primary key, value text) without rowid;
create table if not exists folders (
  folder text primary key, signature text not null, run text not null) without rowid;
create table if not exists models (
  path text primary key, folder text not null, name text, format text, store text, architecture text, dtype text,
  parameters integer, active_parameters integer, bits_per_weight real, weight_bytes integer, file_bytes integer,
  files integer, experts integer, errors integer, warnings integer, tensors_id text, header_id text, weights_id text,
  signature text, model text not null) without rowid;
create table if not exists failures (
  path text primary key, folder text not null, message text not null, byte integer) without rowid;
create index if not exists models_by_folder on models (folder);
create index if not exists models_by_tensors on models (tensors_id);
create index if not exists failures_by_folder on failures (folder);
)";
constexpr std::string_view kSchemaVersion = "1";
// "WGHI": other programs' databases are not touched.
constexpr int kApplicationId = 0x57474849;
constexpr auto kCommitEvery = std::chrono::milliseconds(500);

bool is_below(std::string_view path, std::string_view root) {
  while (root.size() > 1 && root.ends_with('/')) root.remove_suffix(1);
  if (root == "/" || root == ".") return root == "/" ? path.starts_with('/') : !path.starts_with('/');
  return path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/');
}

// Numbers between dots; what is no number ends it. A version that cannot be read is older than any.
std::vector<std::uint64_t> numbers_of(std::string_view version) {
  std::vector<std::uint64_t> numbers;
  const char* at = version.data();
  const char* end = at + version.size();
  while (at < end) {
    std::uint64_t number = 0;
    const auto [next, error] = std::from_chars(at, end, number);
    if (error != std::errc()) break;
    numbers.push_back(number);
    if (next == end || *next != '.') break;
    at = next + 1;
  }
  while (!numbers.empty() && numbers.back() == 0) numbers.pop_back();  // 1.0 is 1
  return numbers;
}

// "LAYOUT PROGRAM", as the table `weigh` has it.
bool is_newer(std::string_view written, std::string_view own) {
  const auto blank = written.find(' ');
  const auto own_blank = own.find(' ');
  const auto layout = numbers_of(written.substr(0, blank));
  const auto own_layout = numbers_of(own.substr(0, own_blank));
  if (layout != own_layout) return layout > own_layout;
  return blank != std::string_view::npos &&
         numbers_of(written.substr(blank + 1)) > numbers_of(own.substr(own_blank + 1));
}

// Whether a scan that was killed, or still runs, has pages that the database's own file does not.
bool has_log(const std::string& path) {
  std::error_code none;
  const auto bytes = std::filesystem::file_size(path + "-wal", none);
  return !none && bytes > 0;
}

// The path as a URI of SQLite's, which takes options.
std::string uri_of(const std::string& path, std::string_view options) {
  std::string uri = "file:";
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#') {
      uri += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    } else {
      uri += c;
    }
  }
  return uri + std::string(options);
}

// What SQLite says, and the way out where there is one.
std::string explain(const std::string& path, int result, const char* message) {
  switch (result & 0xff) {
    case SQLITE_NOTADB:
      return fmt::format("{}: is no inventory ({}); name another file, or remove it if it was one and scan again", path,
                         message);
    case SQLITE_CORRUPT:
    case SQLITE_ERROR:  // a table or a column that is not there
    case SQLITE_MISMATCH:
    case SQLITE_FORMAT:
      return fmt::format("{}: the inventory is damaged ({}); remove it and scan its folders again", path, message);
    case SQLITE_BUSY:
      return fmt::format("{}: another program has held the inventory for 10 seconds ({})", path, message);
    case SQLITE_NOMEM: return fmt::format("{}: not enough memory", path);
    default: return fmt::format("{}: {}", path, message);
  }
}

}  // namespace

/// A prepared statement; its parameters are bound in order.
class Statement {
 public:
  Statement(sqlite3* database, const char* sql, const std::string& path) : database_(database), path_(path) {
    check(sqlite3_prepare_v2(database, sql, -1, &statement_, nullptr));
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(std::string_view text) {
    check(sqlite3_bind_text64(statement_, ++bound_, text.data() == nullptr ? "" : text.data(), text.size(),
                              SQLITE_TRANSIENT, SQLITE_UTF8));
    return *this;
  }
  Statement& bind(std::optional<std::uint64_t> number) {
    constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
    check(number ? sqlite3_bind_int64(statement_, ++bound_, static_cast<std::int64_t>(std::min(*number, kMax)))
                 : sqlite3_bind_null(statement_, ++bound_));
    return *this;
  }
  Statement& bind(std::optional<double> number) {
    check(number ? sqlite3_bind_double(statement_, ++bound_, *number) : sqlite3_bind_null(statement_, ++bound_));
    return *this;
  }

  /// Whether there is a row more.
  bool step() {
    const int result = sqlite3_step(statement_);
    if (result == SQLITE_ROW) return true;
    if (result != SQLITE_DONE) check(result);
    return false;
  }
  void run() {
    step();
    sqlite3_reset(statement_);
    bound_ = 0;
  }

  [[nodiscard]] std::string text(int column) const { return std::string(view(column)); }

  /// A text as it is until the next step.
  [[nodiscard]] std::string_view view(int column) const {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    if (bytes == nullptr) return {};
    return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
  }
  [[nodiscard]] std::optional<std::uint64_t> number(int column) const {
    if (sqlite3_column_type(statement_, column) == SQLITE_NULL) return std::nullopt;
    const std::int64_t number = sqlite3_column_int64(statement_, column);
    return number < 0 ? std::nullopt : std::optional(static_cast<std::uint64_t>(number));
  }

 private:
  void check(int result) const {
    if (result != SQLITE_OK) throw IoError(explain(path_, result, sqlite3_errmsg(database_)));
  }

  sqlite3* database_;
  sqlite3_stmt* statement_ = nullptr;
  const std::string& path_;
  int bound_ = 0;
};

struct Inventory::Database {
  std::string path;
  sqlite3* handle = nullptr;
  bool in_transaction = false;
  std::chrono::steady_clock::time_point began;
  struct Known {
    std::string signature;
    std::string run;
  };
  std::unordered_map<std::string, Known> folders;
  std::unique_ptr<Statement> put_folder, put_model, put_failure, drop_models, drop_failures, drop_folder;

  Database(const std::string& file, InventoryUse use) : path(file) {
    if (use == InventoryUse::Scan) {
      open_as(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    } else {
      open_to_list();
    }
  }
  ~Database() {
    for (auto* statement : {&put_folder, &put_model, &put_failure, &drop_models, &drop_failures, &drop_folder}) {
      statement->reset();
    }
    sqlite3_close(handle);  // what is not committed is taken back
  }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void open_as(const std::string& name, int flags) {
    if (handle != nullptr) sqlite3_close(std::exchange(handle, nullptr));
    // An inventory is used from one thread at a time: no call needs a lock.
    const int result = sqlite3_open_v2(name.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX, nullptr);
    if (result != SQLITE_OK) {
      const std::string why = handle != nullptr ? sqlite3_errmsg(handle) : "not enough memory";
      sqlite3_close(std::exchange(handle, nullptr));
      throw IoError(explain(path, result, why.c_str()));
    }
    sqlite3_busy_timeout(handle, 10'000);
  }

  [[nodiscard]] bool is_readable() const {
    return sqlite3_exec(handle, "select count(*) from sqlite_master", nullptr, nullptr, nullptr) == SQLITE_OK;
  }

  // A connection that may not write leaves files behind it in place of the last one's tidying up; one that may write
  // would put a log that it finds into the database.
  void open_to_list() {
    if (!has_log(path)) {
      try {
        open_as(path, SQLITE_OPEN_READWRITE);
        run("pragma query_only = 1");
        if (is_readable()) return;
      } catch (const IoError&) {
      }
    }
    open_as(path, SQLITE_OPEN_READONLY);
    // In a folder that takes no files, where nobody writes either.
    if (!is_readable() && !has_log(path)) open_as(uri_of(path, "?immutable=1"), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
  }

  void run(const char* sql) {
    const int result = sqlite3_exec(handle, sql, nullptr, nullptr, nullptr);
    if (result != SQLITE_OK) throw IoError(explain(path, result, sqlite3_errmsg(handle)));
  }

  std::unique_ptr<Statement> prepare(const char* sql) { return std::make_unique<Statement>(handle, sql, path); }

  std::string one(const char* sql) {
    Statement statement(handle, sql, path);
    return statement.step() ? statement.text(0) : std::string();
  }

  // Nothing in a database that a scan had only begun to make.
  std::string written_by() {
    if (one("select count(*) from sqlite_master where name = 'weigh'") == "0") return {};
    return one("select value from weigh where key = 'version'");
  }

  void begin() {
    if (in_transaction) return;
    run("begin immediate");
    in_transaction = true;
    began = std::chrono::steady_clock::now();
  }
  void commit() {
    if (!in_transaction) return;
    run("commit");
    in_transaction = false;
  }

  void drop(const std::string& folder) {
    for (const auto& statement : {drop_models.get(), drop_failures.get(), drop_folder.get()}) {
      statement->bind(folder).run();
    }
  }

  void insert(const std::string& folder, const StoredModel& model) {
    const ScanRow& row = model.row;
    put_model->bind(row.path).bind(folder).bind(row.name).bind(row.format).bind(row.store).bind(row.architecture);
    put_model->bind(row.dtype).bind(row.parameters).bind(row.active).bind(row.bits_per_weight);
    for (const std::uint64_t number : {row.weight_bytes, row.file_bytes, row.files}) {
      put_model->bind(std::optional(number));
    }
    put_model->bind(row.experts).bind(std::optional(row.errors)).bind(std::optional(row.warnings));
    put_model->bind(row.tensors_id)
        .bind(row.header_id)
        .bind(row.weights_id)
        .bind(model.signature)
        .bind(model.line)
        .run();
  }

  void insert(const std::string& folder, const Failure& failure) {
    put_failure->bind(failure.path).bind(folder).bind(failure.message).bind(failure.offset).run();
  }
};

Inventory::Inventory(const std::string& path, std::string_view version, InventoryUse use)
    : database_(std::make_unique<Database>(path, use)) {
  Database& database = *database_;
  const std::string id = database.one("pragma application_id");
  const bool is_new = database.one("select count(*) from sqlite_master") == "0";
  if (!is_new && id != std::to_string(kApplicationId)) {
    throw IoError(fmt::format("{}: a database of another program", path));
  }
  if (use == InventoryUse::List) {
    if (is_new) throw IoError(fmt::format("{}: an empty database, no inventory; a scan of folders makes one", path));
    database.run("begin");  // all that is read is of one moment
    return;
  }
  const std::string own = fmt::format("{} {}", kSchemaVersion, version);
  std::string written = is_new ? "" : database.written_by();
  if (is_newer(written, own)) {
    throw IoError(
        fmt::format("{}: the inventory is of weigh {}, and this is {}: scan with that version, or into another "
                    "file (--db FILE); it can be listed",
                    path, written.substr(std::min(written.size(), written.find(' ') + 1)), version));
  }
  // A row has 2 to 3 KB: in pages of 4 KiB most of it would lie in other pages.
  if (is_new) database.run("pragma page_size = 16384");
  // With a log readers never wait for a writer; its index is memory that only processes of one machine share.
  const char* journal = is_shared_by_machines(path) ? "pragma journal_mode = delete" : "pragma journal_mode = wal";
  sqlite3_exec(database.handle, journal, nullptr, nullptr, nullptr);  // else it stays as it is
  if (written != own) {
    database.begin();
    if (is_new) database.run(fmt::format("pragma application_id = {}", kApplicationId).c_str());
    database.run(kSchema);
    // Figures of another version may differ: all is read anew when it is scanned.
    database.run("update folders set signature = ''");
    database.prepare("insert or replace into weigh values ('version', ?)")->bind(own).run();
    database.commit();
  }
  database.put_folder = database.prepare("insert or replace into folders values (?, ?, ?)");
  database.put_model = database.prepare(
      "insert or replace into models values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  database.put_failure = database.prepare("insert or replace into failures values (?, ?, ?, ?)");
  database.drop_models = database.prepare("delete from models where folder = ?");
  database.drop_failures = database.prepare("delete from failures where folder = ?");
  database.drop_folder = database.prepare("delete from folders where folder = ?");
  Statement all(database.handle, "select folder, signature, run from folders", path);
  while (all.step()) database.folders[all.text(0)] = {all.text(1), all.text(2)};
}

Inventory::~Inventory() = default;

bool Inventory::is_current(const std::string& folder, const std::string& signature, const std::string& run) const {
  const auto known = database_->folders.find(folder);
  if (known == database_->folders.end() || known->second.signature != signature) return false;
  return run.empty() || known->second.run == run;
}

std::vector<StoredModel> Inventory::models_of(const std::string& folder, const std::string& run) const {
  std::vector<StoredModel> models;
  const auto known = database_->folders.find(folder);
  if (known == database_->folders.end() || known->second.signature.empty()) return models;
  if (!run.empty() && known->second.run != run) return models;
  Statement stored(database_->handle, "select signature, model from models where folder = ?", database_->path);
  stored.bind(folder);
  while (stored.step()) {
    try {
      models.push_back({row_from_line(stored.view(1)), stored.text(1), stored.text(0)});
    } catch (const FormatError&) {
      // Read anew.
    }
  }
  return models;
}

void Inventory::put(const FolderContent& content) {
  Database& database = *database_;
  database.begin();
  database.drop(content.folder);
  database.put_folder->bind(content.folder).bind(content.signature).bind(content.run).run();
  for (const StoredModel& model : content.models) database.insert(content.folder, model);
  for (const Failure& failure : content.failures) database.insert(content.folder, failure);
  database.folders[content.folder] = {content.signature, content.run};
  if (std::chrono::steady_clock::now() - database.began > kCommitEvery) database.commit();
}

void Inventory::load(const StoredModel& model) {
  database_->begin();
  database_->insert("", model);
}

void Inventory::load(const Failure& failure) {
  database_->begin();
  database_->insert("", failure);
}

void Inventory::forget(const std::vector<std::string>& roots, const std::set<std::string>& seen,
                       const std::vector<std::string>& kept) {
  const auto below = [](const std::string& path, const std::vector<std::string>& folders) {
    return std::ranges::any_of(folders, [&](const std::string& folder) { return is_below(path, folder); });
  };
  std::vector<std::string> gone;
  for (const auto& [folder, known] : database_->folders) {
    if (!seen.contains(folder) && below(folder, roots) && !below(folder, kept)) gone.push_back(folder);
  }
  if (gone.empty()) return;
  database_->begin();
  for (const std::string& folder : gone) {
    database_->drop(folder);
    database_->folders.erase(folder);
  }
}

void Inventory::each(const std::vector<std::string>& roots, const InventorySink& sink) const {
  const auto wanted = [&](std::string_view path) {
    return roots.empty() || std::ranges::any_of(roots, [&](const std::string& root) { return is_below(path, root); });
  };
  const auto told = [&](const auto& read) {
    try {
      read();
    } catch (const IoError& error) {
      sink.damaged({"", error.what(), std::nullopt}, "");
    }
  };
  told([&] {
    Statement models(database_->handle, "select path, folder, model from models order by path", database_->path);
    while (models.step()) {
      if (!wanted(models.view(1)) && !wanted(models.view(0))) continue;
      try {
        sink.model({row_from_line(models.view(2)), sink.lines ? models.text(2) : std::string()});
      } catch (const FormatError& error) {
        sink.damaged({models.text(0), error.what(), std::nullopt}, models.text(1));
      }
    }
  });
  told([&] {
    Statement failures(database_->handle, "select path, message, byte, folder from failures order by path",
                       database_->path);
    while (failures.step()) {
      if (!wanted(failures.view(0)) && !wanted(failures.view(3))) continue;
      sink.failure({failures.text(0), failures.text(1), failures.number(2)});
    }
  });
}

void Inventory::mark_changed(const std::set<std::string>& folders) {
  database_->begin();
  const auto mark = database_->prepare("update folders set signature = '' where folder = ?");
  for (const std::string& folder : folders) {
    mark->bind(folder).run();
    if (const auto known = database_->folders.find(folder); known != database_->folders.end()) known->second = {};
  }
}

void Inventory::finish() { database_->commit(); }

}  // namespace weigh::core
