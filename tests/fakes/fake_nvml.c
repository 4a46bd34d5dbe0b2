/* The driver's library as far as a test needs it: GPUs are the lines of the file that FAKE_NVML names.
   A line is "TOTAL_MIB USED_MIB PID PID_MIB [BUSY_PERCENT MILLIWATTS MILLIJOULES]"; PID 0 is nobody, and what
   is left out is not supported, but for the 73 % that it is busy. Without the file the driver is not loaded. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int nvmlReturn_t;
typedef struct { unsigned long long total, free, used; } nvmlMemory_t;
typedef struct { unsigned int version; unsigned long long total, reserved, free, used; } nvmlMemory_v2_t;
typedef struct { unsigned int gpu, memory; } nvmlUtilization_t;
typedef struct {
    unsigned int pid; unsigned long long usedGpuMemory; unsigned int gpuInstanceId, computeInstanceId;
} nvmlProcessInfo_t;
typedef struct { unsigned long long total, used, pid, pid_mib, busy, power, energy; int columns; } Line;

enum { OK = 0, INVALID = 2, NOT_SUPPORTED = 3, NOT_LOADED = 9, TOO_SMALL = 7, MAX = 16 };

static Line lines[MAX];

static int count_lines(void) {
    const char *path = getenv("FAKE_NVML");
    FILE *file = path ? fopen(path, "r") : NULL;
    int count = 0;
    char text[256];
    if (!file) return -1;
    while (count < MAX && fgets(text, sizeof text, file)) {
        Line *line = &lines[count];
        line->busy = 73;
        line->columns = sscanf(text, "%llu %llu %llu %llu %llu %llu %llu", &line->total, &line->used, &line->pid,
                               &line->pid_mib, &line->busy, &line->power, &line->energy);
        count += line->columns >= 4;
    }
    fclose(file);
    return count;
}

static Line *find(void *device) {
    long index = (long)device - 1;
    return index >= 0 && index < count_lines() ? &lines[index] : NULL;
}

nvmlReturn_t nvmlInit_v2(void) { return count_lines() < 0 ? NOT_LOADED : OK; }
nvmlReturn_t nvmlInitWithFlags(unsigned int flags) { (void)flags; return nvmlInit_v2(); }
nvmlReturn_t nvmlShutdown(void) { return OK; }
const char *nvmlErrorString(nvmlReturn_t code) { (void)code; return "refused"; }
nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int *count) { *count = count_lines(); return OK; }
nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **device) {
    *device = (void *)(long)(index + 1);
    return find(*device) ? OK : INVALID;
}
nvmlReturn_t nvmlDeviceGetMemoryInfo(void *device, nvmlMemory_t *memory) {
    Line *line = find(device);
    memory->total = line->total << 20; memory->used = line->used << 20;
    memory->free = memory->total - memory->used;
    return OK;
}
nvmlReturn_t nvmlDeviceGetUtilizationRates(void *device, nvmlUtilization_t *rates) {
    Line *line = find(device);
    rates->gpu = line->busy; rates->memory = 10;
    return OK;
}
nvmlReturn_t nvmlDeviceGetTemperature(void *device, int sensor, unsigned int *celsius) {
    (void)device; (void)sensor; *celsius = 61;
    return OK;
}
nvmlReturn_t nvmlDeviceGetName(void *device, char *name, unsigned int length) {
    (void)device; snprintf(name, length, "Fake 9000");
    return OK;
}
nvmlReturn_t nvmlDeviceGetUUID(void *device, char *uuid, unsigned int length) {
    snprintf(uuid, length, "GPU-%ld", (long)device - 1);
    return OK;
}
nvmlReturn_t nvmlDeviceGetPowerUsage(void *device, unsigned int *milliwatts) {
    Line *line = find(device);
    *milliwatts = line->power;
    return line->columns >= 6 ? OK : NOT_SUPPORTED;
}
nvmlReturn_t nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *millijoules) {
    Line *line = find(device);
    *millijoules = line->energy;
    return line->columns >= 7 ? OK : NOT_SUPPORTED;
}
nvmlReturn_t nvmlDeviceGetFanSpeed(void *device, unsigned int *percent) {
    (void)device; *percent = 40;
    return OK;
}
nvmlReturn_t nvmlDeviceGetEnforcedPowerLimit(void *device, unsigned int *milliwatts) {
    (void)device; *milliwatts = 300000;
    return OK;
}
static nvmlReturn_t list(void *device, unsigned int *count, nvmlProcessInfo_t *infos) {
    Line *line = find(device);
    unsigned int found = line && line->pid ? 1 : 0, room = *count;
    *count = found;
    if (found > room) return TOO_SMALL;
    if (found) { memset(infos, 0, sizeof *infos); infos->pid = line->pid; infos->usedGpuMemory = line->pid_mib << 20; }
    return OK;
}
nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v3(void *d, unsigned int *c, nvmlProcessInfo_t *i) { return list(d, c, i); }
nvmlReturn_t nvmlDeviceGetGraphicsRunningProcesses_v3(void *d, unsigned int *c, nvmlProcessInfo_t *i) {
    (void)d; (void)i; *c = 0;
    return OK;
}
