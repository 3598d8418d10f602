// What no reader of the same files can be faster than, for speed.py to run beside weigh:
//
//   speed_limits time OUT COMMAND...   runs a command once, its output into OUT, and prints microseconds, microseconds of
//                                      processor time, peak KiB, bytes that it read, and its exit status
//   speed_limits read THREADS < LIST   opens each file and reads its header; a line is "BYTES PATH"
//   speed_limits list FOLDER...        lists the folders and all below them, and asks for no file
//   speed_limits stat FOLDER...        likewise, and asks for the state of what weigh looks at: models and JSON
//   speed_limits forget FOLDER...      drops the pages of all files from memory
//
// Linked statically, without any library: its start costs next to nothing.
#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

struct Header {
  std::size_t bytes = 0;
  std::string path;
};

std::vector<Header> listed_headers() {
  std::vector<Header> headers;
  for (std::string line; std::getline(std::cin, line);) {
    const std::size_t blank = line.find(' ');
    headers.push_back({std::strtoull(line.c_str(), nullptr, 10), line.substr(blank + 1)});
  }
  return headers;
}

bool read_header(const Header& header, std::vector<char>& window) {
  const int file = open(header.path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  posix_fadvise(file, 0, 0, POSIX_FADV_RANDOM);
  std::size_t done = 0;
  while (done < header.bytes) {
    const ssize_t got =
        pread(file, window.data(), std::min(window.size(), header.bytes - done), static_cast<off_t>(done));
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  close(file);
  return done == header.bytes;
}

int read_headers(unsigned threads) {
  const std::vector<Header> headers = listed_headers();
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> failed = false;
  const auto work = [&] {
    std::vector<char> window(65536);
    for (std::size_t i = next++; i < headers.size(); i = next++) {
      if (!read_header(headers[i], window)) failed = true;
    }
  };
  std::vector<std::thread> others;
  for (unsigned i = 1; i < threads; ++i) others.emplace_back(work);
  work();
  for (std::thread& thread : others) thread.join();
  return failed ? 1 : 0;
}

// `visit` gets the path and the name of each file.
template <typename Visit>
void walk(const std::string& folder, const Visit& visit) {
  DIR* const listing = opendir(folder.c_str());
  if (listing == nullptr) return;
  while (const dirent* entry = readdir(listing)) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (entry->d_type == DT_DIR) {
      walk(folder + '/' + entry->d_name, visit);
    } else {
      visit(folder, name);
    }
  }
  closedir(listing);
}

void look_at(const std::string& folder, std::string_view name) {
  if (!name.ends_with(".gguf") && !name.ends_with(".safetensors") && !name.ends_with(".json")) return;
  struct stat status {};
  stat((folder + '/').append(name).c_str(), &status);
}

void forget(const std::string& folder, std::string_view name) {
  const int file = open((folder + '/').append(name).c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  close(file);
}

// Bytes that the process and its threads asked read calls for; it has ended, and was not yet waited for.
std::uint64_t bytes_read_by(pid_t child) {
  std::FILE* const file = std::fopen(("/proc/" + std::to_string(child) + "/io").c_str(), "r");
  unsigned long long bytes = 0;
  if (file == nullptr) return 0;
  if (std::fscanf(file, "rchar: %llu", &bytes) != 1) bytes = 0;
  std::fclose(file);
  return bytes;
}

int time_command(const char* output, char** command) {
  const auto begin = std::chrono::steady_clock::now();
  const pid_t child = fork();
  if (child == 0) {
    const int file = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (file >= 0) dup2(file, STDOUT_FILENO);
    execvp(command[0], command);
    _exit(127);
  }
  siginfo_t ended{};
  if (child < 0 || waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT) != 0) return 1;
  const std::chrono::duration<double, std::micro> wall = std::chrono::steady_clock::now() - begin;
  const std::uint64_t bytes = bytes_read_by(child);
  int status = 0;
  rusage usage{};
  wait4(child, &status, 0, &usage);
  const auto micros = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  };
  std::printf("%.1f %.0f %ld %llu %d\n", wall.count(), micros(usage.ru_utime) + micros(usage.ru_stime), usage.ru_maxrss,
              static_cast<unsigned long long>(bytes), WIFEXITED(status) ? WEXITSTATUS(status) : 255);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "time" && argc > 3) return time_command(argv[2], argv + 3);
  if (what == "read" && argc > 2) return read_headers(static_cast<unsigned>(std::max(1, std::atoi(argv[2]))));
  for (int i = 2; i < argc; ++i) {
    if (what == "list") walk(argv[i], [](const std::string&, std::string_view) {});
    if (what == "stat") walk(argv[i], look_at);
    if (what == "forget") walk(argv[i], forget);
  }
  return what == "list" || what == "stat" || what == "forget" ? 0 : 2;
}
