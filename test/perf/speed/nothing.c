// What `system process` starts: it ends at once.

int main(void)
{
    return 42;
}
