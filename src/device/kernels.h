/* The kernel sources that are built into the library. */
#ifndef MASKCL_DEVICE_KERNELS_H
#define MASKCL_DEVICE_KERNELS_H

struct mcl_kernel_file {
    const char *name; /* "views.cl" */
    const char *text;
};

/* Every file of cl/, ended by an entry whose name is NULL. */
extern const struct mcl_kernel_file mcl_kernel_files[];

#endif
